//! Objects whose member `kind` says what the others mean.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

/// Reads an enum from an object that names the variant as `kind`, as serde's `tag` does, whose errors name no member
/// inside of the object.
pub(super) fn tagged<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    let mut members = Map::deserialize(deserializer)?;
    let kind = match members.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(other) => {
            let found = de::Unexpected::Other(&other.to_string()).to_string();
            return Err(D::Error::custom(format!(
                "kind: expected a name, found {found}"
            )));
        }
        None => return Err(D::Error::missing_field("kind")),
    };
    let variant = Value::Object(Map::from_iter([(kind, Value::Object(members))]));
    serde_path_to_error::deserialize(variant).map_err(|error| {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        // The first segment is the variant, and a member that is unknown is in the message.
        let member = path.split_once('.').map_or("", |(_, member)| member);
        let member = match message.starts_with("unknown field") {
            true => member.rsplit_once('.').map_or("", |(parent, _)| parent),
            false => member,
        };
        match member {
            "" => D::Error::custom(message),
            member => D::Error::custom(format!("{member}: {message}")),
        }
    })
}
