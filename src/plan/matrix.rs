//! GitHub's matrix: the product of all axes, less what `exclude` matches, then `include` (scenario.md, `matrix`).
//!
//! Works on any keys and values; knows nothing of targets, rates or scenarios.

use indexmap::IndexMap;
use serde_json::Value;

/// Values by key: a combination, or an entry of `exclude` or `include`.
pub type Point = IndexMap<String, Value>;

/// A combination of the expanded matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// Its values: those of the axes first, then what `include` added.
    pub values: Point,
    /// How many of the values, from the first on, come from axes: no `include` may overwrite them.
    pub originals: usize,
    /// The place of the `include` entry that made it, where one did.
    pub made_by: Option<usize>,
}

/// The expanded matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expansion {
    /// All combinations, in the order of the product; those of `include` last.
    pub combinations: Vec<Combination>,
    /// Places of `exclude` entries that removed nothing.
    pub idle_excludes: Vec<usize>,
    /// Places of `include` entries that changed nothing.
    pub idle_includes: Vec<usize>,
}

/// What a combination has for a key that none of its axes sets: a default, or what stands elsewhere.
pub type Implied<'a> = &'a dyn Fn(&Point, &str) -> Option<Value>;

/// How many combinations the product of axes of these lengths has, before anything is excluded; none without an axis.
pub fn product_size(lengths: impl Iterator<Item = usize>) -> u64 {
    lengths
        .map(|length| length as u64)
        .reduce(u64::saturating_mul)
        .unwrap_or(0)
}

/// Expands axes each of whose values sets one key or several that move together. Without any axis there is no original
/// combination, as with GitHub.
///
/// The product is taken in the order of the axes, the last fastest. An entry of `exclude` removes what has all of its
/// values, `implied` ones included. An entry of `include` is merged into each combination of the product whose axis values it does not
/// contradict; it may overwrite what an earlier entry added. What fits none becomes a combination of its own.
pub fn expand_points(
    axes: &[Vec<Point>],
    exclude: &[Point],
    include: &[Point],
    implied: Implied<'_>,
) -> Expansion {
    let mut combinations = product(axes);
    let mut idle_excludes = Vec::new();
    // Every entry is held against the whole product, so that one entry does not make a wider one look idle.
    let mut excluded = vec![false; combinations.len()];
    for (place, entry) in exclude.iter().enumerate() {
        let mut idle = true;
        for (combination, excluded) in combinations.iter().zip(&mut excluded) {
            let has = |(key, value): (&String, &Value)| match combination.values.get(key) {
                Some(own) => own == value,
                None => implied(&combination.values, key).as_ref() == Some(value),
            };
            if entry.iter().all(has) {
                *excluded = true;
                idle = false;
            }
        }
        if idle {
            idle_excludes.push(place);
        }
    }
    let mut kept = excluded.iter().map(|excluded| !excluded);
    combinations.retain(|_| kept.next().unwrap_or(true));

    let originals = combinations.len();
    let mut idle_includes = Vec::new();
    for (place, entry) in include.iter().enumerate() {
        let mut fits = false;
        let mut changed = false;
        for combination in &mut combinations[..originals] {
            if combination.contradicts(entry) {
                continue;
            }
            fits = true;
            changed |= combination.merge(entry);
        }
        if !fits {
            combinations.push(Combination {
                values: entry.clone(),
                originals: 0,
                made_by: Some(place),
            });
        } else if !changed {
            idle_includes.push(place);
        }
    }
    Expansion {
        combinations,
        idle_excludes,
        idle_includes,
    }
}

fn product(axes: &[Vec<Point>]) -> Vec<Combination> {
    let mut combinations: Vec<Point> = if axes.is_empty() {
        Vec::new()
    } else {
        vec![Point::new()]
    };
    for axis in axes {
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                axis.iter().map(|point| {
                    let mut values = Point::with_capacity(combination.len() + point.len() + 2);
                    for (key, value) in combination.iter().chain(point) {
                        values.insert(key.clone(), value.clone());
                    }
                    values
                })
            })
            .collect();
    }
    combinations
        .into_iter()
        .map(|values| Combination {
            originals: values.len(),
            values,
            made_by: None,
        })
        .collect()
}

impl Combination {
    /// Whether `entry` has another value for a key of an axis.
    fn contradicts(&self, entry: &Point) -> bool {
        entry.iter().any(|(key, value)| {
            self.values
                .get_full(key)
                .is_some_and(|(place, _, own)| place < self.originals && own != value)
        })
    }

    /// Puts the values of `entry` in and says whether that changed anything.
    fn merge(&mut self, entry: &Point) -> bool {
        let mut changed = false;
        for (key, value) in entry {
            if self.values.get(key) != Some(value) {
                self.values.insert(key.clone(), value.clone());
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Expands axes of single keys; without any axis there is no original combination, as with GitHub.
    fn expand_axes(
        axes: &IndexMap<String, Vec<Value>>,
        exclude: &[Point],
        include: &[Point],
    ) -> Expansion {
        let axes: Vec<Vec<Point>> = axes
            .iter()
            .map(|(name, values)| {
                values
                    .iter()
                    .map(|value| Point::from([(name.clone(), value.clone())]))
                    .collect()
            })
            .collect();
        expand_points(&axes, exclude, include, &|_, _| None)
    }

    fn point(value: Value) -> Point {
        serde_json::from_value(value).unwrap()
    }

    fn axes(value: Value) -> IndexMap<String, Vec<Value>> {
        serde_json::from_value(value).unwrap()
    }

    fn values(expansion: &Expansion) -> Vec<Value> {
        expansion
            .combinations
            .iter()
            .map(|combination| serde_json::to_value(&combination.values).unwrap())
            .collect()
    }

    /// The sample of GitHub's documentation, "Running variations of jobs in a workflow", with the six combinations
    /// that it lists.
    #[test]
    fn githubs_documented_sample_gives_its_six_combinations() {
        let include = [
            json!({"color": "green"}),
            json!({"color": "pink", "animal": "cat"}),
            json!({"fruit": "apple", "shape": "circle"}),
            json!({"fruit": "banana"}),
            json!({"fruit": "banana", "animal": "cat"}),
        ]
        .map(point);
        let expansion = expand_axes(
            &axes(json!({"fruit": ["apple", "pear"], "animal": ["cat", "dog"]})),
            &[],
            &include,
        );
        assert_eq!(
            values(&expansion),
            [
                json!({"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"}),
                json!({"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"}),
                json!({"fruit": "pear", "animal": "cat", "color": "pink"}),
                json!({"fruit": "pear", "animal": "dog", "color": "green"}),
                json!({"fruit": "banana"}),
                json!({"fruit": "banana", "animal": "cat"}),
            ]
        );
        let made: Vec<_> = expansion
            .combinations
            .iter()
            .map(|one| one.made_by)
            .collect();
        assert_eq!(made, [None, None, None, None, Some(3), Some(4)]);
    }

    #[test]
    fn exclude_removes_all_that_match_partially_and_idle_entries_are_named() {
        let expansion = expand_axes(
            &axes(json!({"os": ["a", "b"], "version": [1, 2], "mode": ["x", "y"]})),
            &[
                point(json!({"os": "a", "version": 1})),
                point(json!({"os": "a", "version": 1, "mode": "x"})),
                point(json!({"os": "c"})),
                point(json!({"speed": 1})),
            ],
            &[],
        );
        assert_eq!(expansion.combinations.len(), 6);
        assert_eq!(
            expansion.idle_excludes,
            [2, 3],
            "one that a wider entry covers is not idle"
        );
    }

    #[test]
    fn without_axes_each_include_is_a_combination_as_with_github() {
        let expansion = expand_axes(
            &IndexMap::new(),
            &[],
            &[point(json!({"a": 1})), point(json!({"a": 2}))],
        );
        assert_eq!(values(&expansion), [json!({"a": 1}), json!({"a": 2})]);
    }

    #[test]
    fn an_include_that_says_what_is_there_is_idle() {
        let expansion = expand_axes(&axes(json!({"a": [1, 2]})), &[], &[point(json!({"a": 1}))]);
        assert_eq!(
            (expansion.combinations.len(), expansion.idle_includes),
            (2, vec![0])
        );
    }

    #[test]
    fn exclude_sees_what_no_axis_sets() {
        let axis = vec![point(json!({"a": 1})), point(json!({"a": 2}))];
        let exclude = [point(json!({"a": 2, "b": "inf"})), point(json!({"b": 3}))];
        let implied = |values: &Point, key: &str| {
            (key == "b" && values.contains_key("a")).then(|| json!("inf"))
        };
        let expansion = expand_points(&[axis], &exclude, &[], &implied);
        assert_eq!(values(&expansion), [json!({"a": 1})]);
        assert_eq!(expansion.idle_excludes, [1]);
    }

    #[test]
    fn parts_that_move_together_are_one_axis() {
        let sizes = vec![
            point(json!({"w": 1, "h": 1})),
            point(json!({"w": 2, "h": 4})),
        ];
        let steps = vec![point(json!({"s": 10})), point(json!({"s": 20}))];
        let exclude = [point(json!({"h": 4, "s": 10}))];
        let expansion = expand_points(&[sizes, steps], &exclude, &[], &|_, _| None);
        assert_eq!(
            values(&expansion),
            [
                json!({"w": 1, "h": 1, "s": 10}),
                json!({"w": 1, "h": 1, "s": 20}),
                json!({"w": 2, "h": 4, "s": 20}),
            ]
        );
    }

    fn any_axes() -> impl Strategy<Value = IndexMap<String, Vec<Value>>> {
        proptest::collection::vec(proptest::collection::hash_set(0_u8..6, 1..4), 1..4).prop_map(
            |axes| {
                axes.into_iter()
                    .enumerate()
                    .map(|(place, values)| {
                        (
                            format!("axis{place}"),
                            values.into_iter().map(Value::from).collect(),
                        )
                    })
                    .collect()
            },
        )
    }

    fn any_entry() -> impl Strategy<Value = Point> {
        proptest::collection::btree_map(0_usize..5, 0_u8..6, 1..3).prop_map(|entry| {
            entry
                .into_iter()
                .map(|(k, v)| (format!("axis{k}"), Value::from(v)))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_product_is_in_declaration_order_with_the_last_axis_fastest(axes in any_axes()) {
            let expansion = expand_axes(&axes, &[], &[]);
            let size: usize = axes.values().map(Vec::len).product();
            prop_assert_eq!(expansion.combinations.len(), size);
            for (number, combination) in expansion.combinations.iter().enumerate() {
                let mut rest = number;
                for (name, values) in axes.iter().rev() {
                    prop_assert_eq!(&combination.values[name], &values[rest % values.len()]);
                    rest /= values.len();
                }
            }
        }

        #[test]
        fn axis_values_survive_every_include(
            axes in any_axes(),
            include in proptest::collection::vec(any_entry(), 0..5),
        ) {
            let plain = expand_axes(&axes, &[], &[]);
            let expansion = expand_axes(&axes, &[], &include);
            for (before, after) in plain.combinations.iter().zip(&expansion.combinations) {
                for (key, value) in &before.values {
                    prop_assert_eq!(&after.values[key], value);
                }
            }
            for made in &expansion.combinations[plain.combinations.len()..] {
                prop_assert_eq!(Some(&made.values), made.made_by.map(|place| &include[place]));
            }
        }

        #[test]
        fn what_is_excluded_is_gone_and_nothing_else(
            axes in any_axes(),
            exclude in proptest::collection::vec(any_entry(), 0..4),
        ) {
            let all = expand_axes(&axes, &[], &[]);
            let left = expand_axes(&axes, &exclude, &[]);
            let matches = |values: &Point| exclude.iter().any(|entry| {
                entry.iter().all(|(key, value)| values.get(key) == Some(value))
            });
            let expected: Vec<_> =
                all.combinations.into_iter().filter(|one| !matches(&one.values)).collect();
            prop_assert_eq!(left.combinations, expected);
        }
    }
}
