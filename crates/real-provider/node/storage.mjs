// Where the provider keeps what it knows: one map, for as long as the process lives.
//
// The provider brings a storage of its own, which forgets the oldest of a thousand records: too few
// for tests with a thousand sessions. And this one can be asked, past the provider, what is in it.

const grantable = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

/** All records of one provider, as `Model:id` and payload. */
export class Records {
  #records = new Map();

  /** What the provider asks for: an adapter for each model. */
  adapter(model) {
    const records = this.#records;
    const key = (id) => `${model}:${id}`;
    const first = (field, value) => {
      for (const [name, payload] of records) {
        if (name.startsWith(`${model}:`) && payload[field] === value) return payload;
      }
      return undefined;
    };
    return {
      async upsert(id, payload) {
        records.set(key(id), payload);
      },
      async find(id) {
        return records.get(key(id));
      },
      async findByUid(uid) {
        return first('uid', uid);
      },
      async findByUserCode(userCode) {
        return first('userCode', userCode);
      },
      async consume(id) {
        records.get(key(id)).consumed = now();
      },
      async destroy(id) {
        records.delete(key(id));
      },
      revokeByGrantId: async (grantId) => this.#revoke(model, grantId),
    };
  }

  /** A token as it stands: what it is of, and whether it could be used now. */
  token(value) {
    for (const model of ['RefreshToken', 'AccessToken']) {
      const payload = this.#records.get(`${model}:${value}`);
      if (payload) {
        return { grant_id: payload.grantId, is_consumed: Boolean(payload.consumed), is_alive: this.#isAlive(payload) };
      }
    }
    return null;
  }

  /** How many tokens of a grant could be used now. */
  family(grantId) {
    const alive = (model) => this.#of(model, grantId).filter(([, payload]) => this.#isAlive(payload)).length;
    return { refresh_tokens: alive('RefreshToken'), access_tokens: alive('AccessToken') };
  }

  /** As when a person takes an application's access back in the settings of the account. */
  revoke(grantId) {
    for (const model of grantable) this.#revoke(model, grantId);
    this.#records.delete(`Grant:${grantId}`);
  }

  #revoke(model, grantId) {
    for (const [name] of this.#of(model, grantId)) this.#records.delete(name);
  }

  #of(model, grantId) {
    return [...this.#records].filter(([name, payload]) => name.startsWith(`${model}:`) && payload.grantId === grantId);
  }

  #isAlive(payload) {
    return !payload.consumed && payload.exp > now() && this.#records.has(`Grant:${payload.grantId}`);
  }
}

function now() {
  return Math.floor(Date.now() / 1000);
}
