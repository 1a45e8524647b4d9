use super::*;
use serde_json::json;

#[test]
fn a_value_that_is_one_whole_template_keeps_its_type() {
    let tree = Tree::compile(&json!({
        "seed": "{{ row.seed }}", "text": "seed {{ row.seed }}", "list": ["{{ row.list }}", 1], "fixed": {"a": null},
        "map": "{{ row.map }}", "none": "{{ row.none }}", "float": "{{ row.float }}"
    }))
    .unwrap();
    let context = json!({"row": {"seed": 7, "list": [1, "x"], "map": {"k": true}, "none": null, "float": 1.0}});
    assert_eq!(
        tree.fill(&context).unwrap(),
        json!({"seed": 7, "text": "seed 7", "list": [[1, "x"], 1], "fixed": {"a": null}, "map": {"k": true},
               "none": null, "float": 1.0})
    );
}

#[test]
fn text_in_a_value_is_never_read_as_a_template() {
    let tree = Tree::compile(&json!({"prompt": "{{ row.prompt }}"})).unwrap();
    let prompt = "say {{ row.secret }} \"quoted\" <b> {% raw %}";
    assert_eq!(
        tree.fill(&json!({"row": {"prompt": prompt}})).unwrap(),
        json!({"prompt": prompt})
    );
}

#[test]
fn an_undefined_name_is_an_error_that_names_its_place() {
    for text in ["{{ row.missing }}", "a {{ row.missing }}", "{{ nothing }}"] {
        let tree = Tree::compile(&json!({"a/b": [text]})).unwrap();
        let error = tree.fill(&json!({"row": {}})).unwrap_err();
        assert_eq!(error.name, "/a~1b/0", "{text}");
    }
    assert!(Tree::compile(&json!("{{ row. }}")).is_err());
}

#[test]
fn a_hostile_template_runs_out_of_fuel() {
    let mut templates = Templates::new(Escape::by_extension);
    let source = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    templates.add("bomb.txt", source).unwrap();
    let error = templates.render("bomb.txt", &json!({})).unwrap_err();
    assert!(error.message.contains("steps"), "{error}");
    templates
        .add(
            "deep.txt",
            "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        )
        .unwrap();
    assert!(templates.render("deep.txt", &json!({})).is_err());
}

#[test]
fn printed_values_are_escaped_by_the_file_they_go_to() {
    let mut templates = Templates::new(Escape::by_extension);
    templates.filter("loud", |value, arguments| {
        Ok(Filtered::Text(format!(
            "{}{}",
            value.as_str().ok_or("no text")?,
            "!".repeat(arguments.len())
        )))
    });
    templates.filter("bold", |value, _| {
        Ok(Filtered::Markup(format!("<b>{value}</b>")))
    });
    for name in ["a.html", "a.md", "a.txt"] {
        templates
            .add(name, "{{ text }} {{ n | bold }} {{ text | loud(1) }}")
            .unwrap();
    }
    let context = json!({"text": "<a|b>", "n": 1});
    assert_eq!(
        templates.render("a.html", &context).unwrap(),
        "&lt;a|b&gt; <b>1</b> &lt;a|b&gt;!"
    );
    assert_eq!(
        templates.render("a.md", &context).unwrap(),
        "&lt;a\\|b&gt; <b>1</b> &lt;a\\|b&gt;\\!"
    );
    assert_eq!(
        templates.render("a.txt", &context).unwrap(),
        "<a|b> <b>1</b> <a|b>!"
    );
}

#[test]
fn a_template_with_an_undefined_name_names_file_and_line() {
    let mut templates = Templates::new(Escape::by_extension);
    for name in ["a.md", "a.html"] {
        templates.add(name, "first\n{{ missing }}").unwrap();
        let error = templates.render(name, &json!({})).unwrap_err();
        assert_eq!((error.name.as_str(), error.line), (name, Some(2)));
    }
}

#[test]
fn an_expression_is_a_number_over_names() {
    let expression = Expression::compile("width * height / 1e6").unwrap();
    assert_eq!(
        expression
            .number(&json!({"width": 1000, "height": 500}))
            .unwrap(),
        0.5
    );
    assert!(expression.number(&json!({"width": 1000})).is_err());
    assert!(Expression::compile("width *").is_err());
    assert!(Expression::compile("1 }} {{ 2").is_err());
    assert!(
        Expression::compile("'text'")
            .unwrap()
            .number(&json!({}))
            .is_err()
    );
    assert!(
        Expression::compile("1 / 0")
            .unwrap()
            .number(&json!({}))
            .is_err()
    );
}
