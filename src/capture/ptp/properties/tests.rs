use super::*;

fn choice(name: &str, value: &str, choices: &[&str]) -> Widget {
    let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
    let kind = WidgetKind::Choice { value: value.to_owned(), choices };
    Widget { name: name.to_owned(), is_writable: true, kind }
}

fn text(name: &str, value: &str, is_writable: bool) -> Widget {
    Widget { name: name.to_owned(), is_writable, kind: WidgetKind::Text(value.to_owned()) }
}

/// As libgphoto2 2.5.30 shows a Sony body, in part.
fn widgets() -> Vec<Widget> {
    vec![
        choice("iso", "800", &["Auto ISO", "800", "1600"]),
        choice("d21e", "800", &["16777215", "800", "1600"]),
        choice("shutterspeed", "1/125", &["1/125", "1/250", "Bulb"]),
        choice("d20d", "65661", &["65661", "65786"]),
        choice("f-number", "f/5.6", &["f/4", "f/5.6"]),
        choice("5007", "560", &["400", "560"]),
        choice("d222", "1", &["1", "16", "17"]),
        choice("exposurecompensation", "-2", &["-2", "0", "0.3"]),
        choice("5010", "-2000", &["-2000", "0", "300"]),
        choice("focusmode", "Manual", &["Manual", "Automatic"]),
        choice("500a", "1", &["1", "2"]),
        text("d218", "87", false),
        text("d213", "2", false),
        text("serialnumber", "D10F60149B0C", false),
    ]
}

fn table() -> Table {
    Table::read(&widgets())
}

fn shown(name: &str) -> (i64, String) {
    let known = table();
    let property = &known.get(name).unwrap().property;
    (property.value, property.label.clone())
}

#[test]
fn values_are_the_camera_sdks_numbers_and_words() {
    assert_eq!(shown("iso"), (800, "800".to_owned()));
    assert_eq!(shown("shutter-speed"), (0x0001_007d, "1/125".to_owned()));
    assert_eq!(shown("aperture"), (0x230, "f/5.6".to_owned()));
    assert_eq!(shown("exposure-compensation"), (0xf830, "-2.0".to_owned()));
    assert_eq!(shown("still-image-store-destination"), (1, "host-pc".to_owned()));
    assert_eq!(shown("focus-mode"), (1, "mf".to_owned()));
    assert_eq!(shown("battery-remain"), (87, "87".to_owned()));
    assert_eq!(table().focus_found(), Some(2));
    assert_eq!(table().identity().0, Some("D10F60149B0C"));
    assert!(table().is_manual_focus() && table().sends_stills());
}

#[test]
fn each_choice_is_set_with_libgphoto2s_word_for_it() {
    let table = table();
    let set = |name: &str, value| {
        let (widget, value) = table.get(name).unwrap().setting(value).unwrap();
        (widget.to_owned(), value)
    };
    let word = |text: &str| Value::Text(text.to_owned());
    assert_eq!(set("iso", 0xFF_FFFF), ("iso".to_owned(), word("Auto ISO")));
    assert_eq!(set("shutter-speed", 0x0001_00fa), ("shutterspeed".to_owned(), word("1/250")));
    assert_eq!(set("still-image-store-destination", 3), ("d222".to_owned(), word("17")));
    assert_eq!(set("exposure-compensation", 300).1, word("0.3"));
}

#[test]
fn what_is_read_only_or_not_offered_is_refused() {
    let table = table();
    let refusal = |name: &str, value| table.get(name).unwrap().setting(value).unwrap_err();
    assert!(matches!(refusal("battery-remain", 3), ControlError::NotWritable(_)));
    assert!(matches!(refusal("iso", 801), ControlError::NotAvailable(_)));
    assert!(matches!(table.get("flicker-less-shooting"), Err(ControlError::Unknown(_))));
}

#[test]
fn a_change_is_told_with_the_sdks_code() {
    let mut later = widgets();
    later[1] = choice("d21e", "1600", &["16777215", "800", "1600"]);
    assert_eq!(Table::read(&later).changes_since(&table()), [0x104]);
    assert_eq!(table().changes_since(&table()), [] as [u32; 0]);
}

#[test]
fn words_alone_are_enough_for_what_is_a_number_in_words() {
    let only_words: Vec<_> = widgets().into_iter().filter(|w| w.name.len() > 4).collect();
    let table = Table::read(&only_words);
    let property = &table.get("shutter-speed").unwrap().property;
    let values: Vec<_> = property.choices.iter().map(|choice| choice.value).collect();
    assert_eq!((property.value, values), (0x0001_007d, vec![0x0001_007d, 0x0001_00fa, 0]));
}

#[test]
fn a_range_takes_what_lies_on_its_steps() {
    let kind = WidgetKind::Range { value: 5500.0, least: 2500.0, most: 9900.0, step: 100.0 };
    let table = Table::read(&[Widget { name: "d20f".to_owned(), is_writable: true, kind }]);
    let known = table.get("white-balance-color-temp").unwrap();
    assert!(known.property.is_range);
    assert_eq!(known.setting(5600).unwrap().1, Value::Text("5600".to_owned()));
    assert!(known.setting(5650).is_err() && known.setting(10_000).is_err());
}

#[test]
fn codes_and_names_are_unique() {
    for (n, spec) in SPECS.iter().enumerate() {
        assert!(SPECS[..n].iter().all(|s| s.name != spec.name && s.code != spec.code));
    }
}
