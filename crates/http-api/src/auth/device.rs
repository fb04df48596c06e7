use serde_json::{Map, Value};
use session_core::{ClientDetails, DeviceFingerprint, InvalidInput};

use crate::request_info::RequestInfo;

/// Where a login comes from: the address and the user agent as the request has them, the device as its
/// body describes it.
///
/// `device_fingerprint` of the description is the name of the device where it is a text, as mobile
/// clients have one, and part of the description where it is an object.
pub(crate) fn client(
    info: &RequestInfo,
    device_info: Option<Map<String, Value>>,
) -> Result<ClientDetails, InvalidInput> {
    let mut client = info.client();
    let Some(mut members) = device_info else {
        return Ok(client);
    };
    let malformed = || InvalidInput::new("device_info", "must describe a device");
    match members.remove("device_fingerprint") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) => {
            members.insert("fingerprint_id".to_owned(), name.into());
        }
        Some(Value::Object(more)) => members.extend(more),
        Some(_) => return Err(malformed()),
    }
    let device: DeviceFingerprint =
        serde_json::from_value(Value::Object(members)).map_err(|_| malformed())?;
    device.check_size()?;
    client.device_fingerprint = Some(Box::new(device));
    Ok(client)
}
