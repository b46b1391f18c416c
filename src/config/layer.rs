//! A configuration that lies over the file's: tables are joined key by key, lists of
//! tables that carry a name entry by entry, and everything else is replaced.
//!
//! What binds the box to its fleet and to its own state stands in the file alone.

use toml::{Table, Value};

/// Keys of the file that nothing may lie over.
const OF_THE_FILE: [(&str, &str); 3] = [
    ("fleet", "who is believed, and where that is asked"),
    ("state_dir", "where everything is kept"),
    ("device_id", "which box this is"),
];

/// Lists whose entries are told apart by a key.
const NAMED: [(&str, &str); 2] = [("camera", "id"), ("key", "name")];

/// The text of the file with `layer` over it. Comments and lines are lost.
///
/// # Errors
/// A sentence, when the layer is no TOML or holds what it may not.
pub fn laid_over(file: &str, layer: &str) -> Result<String, String> {
    let layer: Table = layer.parse().map_err(|error: toml::de::Error| {
        format!("it is not TOML: {}", error.message().replace('\n', ", "))
    })?;
    for (key, what) in OF_THE_FILE {
        if layer.contains_key(key) {
            return Err(format!("it holds {key}: {what} stands in the box's own file alone"));
        }
    }
    // A broken file is told of with its lines before anything is laid over it.
    let mut joined: Table =
        file.parse().map_err(|_| "the box's own file is not TOML".to_owned())?;
    for (key, value) in layer {
        match (joined.get_mut(&key), NAMED.iter().find(|(name, _)| *name == key), value) {
            (Some(Value::Array(below)), Some((_, id)), Value::Array(above)) => {
                join_entries(below, above, id);
            }
            (Some(below), _, above) => join(below, above),
            (None, _, above) => {
                joined.insert(key, above);
            }
        }
    }
    toml::to_string(&joined).map_err(|error| error.to_string())
}

fn join(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Table(below), Value::Table(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(known) => join(known, value),
                    None => {
                        below.insert(key, value);
                    }
                }
            }
        }
        (below, above) => *below = above,
    }
}

fn join_entries(below: &mut Vec<Value>, above: Vec<Value>, id: &str) {
    for entry in above {
        let name = entry.get(id).cloned();
        match below.iter_mut().find(|known| name.is_some() && known.get(id) == name.as_ref()) {
            Some(known) => join(known, entry),
            None => below.push(entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        [[camera]]
        id = \"yard\"
        source = \"test\"
        detect = { fps = 5, classes = [\"person\"] }
        [assess]
        timezone = \"UTC\"
    ";

    fn over(layer: &str) -> Table {
        laid_over(FILE, layer).unwrap().parse().unwrap()
    }

    #[test]
    fn a_layer_changes_what_it_names_and_leaves_the_rest() {
        let joined = over("[[camera]]\nid = \"yard\"\ndetect.fps = 2\n[store]\nmax_age = \"1d\"\n");
        let camera = joined["camera"][0].as_table().unwrap();
        assert_eq!(camera["source"].as_str(), Some("test"));
        assert_eq!(camera["detect"]["fps"].as_integer(), Some(2));
        assert_eq!(camera["detect"]["classes"][0].as_str(), Some("person"));
        assert_eq!(joined["store"]["max_age"].as_str(), Some("1d"));
        assert_eq!(joined["assess"]["timezone"].as_str(), Some("UTC"));
    }

    #[test]
    fn a_camera_of_another_name_comes_beside_and_lists_are_replaced() {
        let joined = over("[[camera]]\nid = \"gate\"\nsource = \"test\"\n");
        assert_eq!(joined["camera"].as_array().unwrap().len(), 2);
        let joined = over("[[camera]]\nid = \"yard\"\ndetect.classes = [\"car\", \"dog\"]\n");
        assert_eq!(joined["camera"][0]["detect"]["classes"].as_array().unwrap().len(), 2);
        assert_eq!(joined["camera"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_binds_the_box_is_refused_by_name() {
        for (layer, name) in [
            ("[fleet]\nkeys = []\n", "fleet"),
            ("fleet.url = \"https://a\"\n", "fleet"),
            ("state_dir = \"/tmp\"\n", "state_dir"),
            ("device_id = \"box-2\"\n", "device_id"),
        ] {
            let said = laid_over(FILE, layer).unwrap_err();
            assert!(said.contains(&format!("it holds {name}")), "{said}");
        }
        assert!(laid_over(FILE, "[[camera").unwrap_err().contains("not TOML"));
    }
}
