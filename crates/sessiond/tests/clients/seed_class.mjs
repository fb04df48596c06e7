// The class that users of the system before came with, from its quick start: it must run against this
// server as it is. Two things differ from that text: the TypeScript annotations are gone, since Node 20
// does not strip types, and so is `private`. The class is exported. Do not mend it: see docs/clients.md
// for what to do instead.

export class SessionManager {
    accessToken;
    sessionId;

    async login(email, password, rememberMe = false) {
        const response = await fetch('/auth/sessions/enhanced-login', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({
                email,
                password,
                remember_me: rememberMe,
                device_info: {
                    device_type: 'web',
                    os: navigator.platform,
                    browser: navigator.userAgent.split(' ')[0]
                }
            })
        });

        if (response.ok) {
            const data = await response.json();
            this.accessToken = data.access_token;
            this.sessionId = data.session_id;

            localStorage.setItem('access_token', this.accessToken);
            localStorage.setItem('session_id', this.sessionId);
            return data;
        }
        throw new Error('Login failed');
    }

    getAuthHeaders() {
        return {
            'Authorization': `Bearer ${this.accessToken}`,
            'X-Session-ID': this.sessionId
        };
    }

    async refreshToken() {
        const response = await fetch('/auth/sessions/refresh', {
            method: 'POST',
            headers: {
                ...this.getAuthHeaders(),
                'Content-Type': 'application/json'
            },
            body: JSON.stringify({ session_id: this.sessionId })
        });

        if (response.ok) {
            const data = await response.json();
            this.accessToken = data.access_token;
            localStorage.setItem('access_token', this.accessToken);
            return data;
        }
        throw new Error('Token refresh failed');
    }

    async logout() {
        await fetch('/auth/sessions/logout', {
            method: 'POST',
            headers: this.getAuthHeaders()
        });

        localStorage.removeItem('access_token');
        localStorage.removeItem('session_id');
        this.accessToken = '';
        this.sessionId = '';
    }
}
