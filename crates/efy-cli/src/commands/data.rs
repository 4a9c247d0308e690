//! `efy data`.

use std::path::Path;

use anyhow::Result;
use efy_envs::Returns;
use efy_tasks::data::registry::{self, KnownSet};
use efy_tasks::data::{self, Cache, LabelColumns, Source, Targets};
use efy_tasks::imitation::demonstrations;
use serde_json::{Value, json};

use crate::arguments::{Data, Import};
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Data) -> Result<()> {
    let cache = Cache::from_env()?;
    match arguments {
        Data::List { json } => list(&cache, *json),
        Data::Info { name, json } => info(name, &cache, *json),
        Data::Fetch { name } => Ok(data::fetch(name, &cache, &mut |text| eprintln!("{text}"))?),
        Data::Import(arguments) => import(arguments, &cache),
    }
}

fn list(cache: &Cache, as_json: bool) -> Result<()> {
    let known = registry::known().map(|set| {
        let labels = match set.targets {
            Targets::Sets => "labels",
            Targets::Rankings => "ranked labels",
        };
        let about = format!(
            "{} rows, {} features, {} {labels}",
            set.rows, set.features, set.labels
        );
        (set.name.to_owned(), state(set, cache), about)
    });
    let own = data::imported(cache)
        .into_iter()
        .map(|name| (name, "imported", cache.root().display().to_string()));
    let demonstrations = demonstrations::imported(cache)
        .into_iter()
        .map(|name| (name, "imported", "demonstrations".to_owned()));
    let all: Vec<(String, &str, String)> = known.chain(own).chain(demonstrations).collect();
    if as_json {
        let rows: Vec<Value> = all
            .iter()
            .map(|(name, state, about)| json!({"name": name, "state": state, "about": about}))
            .collect();
        return output::json(&rows);
    }
    output::table(
        all.iter()
            .map(|(name, state, about)| (name.as_str(), format!("{state:<12}  {about}"))),
    )
}

fn state(set: &KnownSet, cache: &Cache) -> &'static str {
    match (set.embedded, cache.has(set)) {
        (true, _) => "embedded",
        (_, true) => "fetched",
        _ => "not fetched",
    }
}

fn info(name: &str, cache: &Cache, as_json: bool) -> Result<()> {
    if demonstrations::imported(cache)
        .iter()
        .any(|own| own == name)
    {
        return show(&demonstrated(name, cache)?, as_json);
    }
    let Some(set) = registry::find(name) else {
        let data = data::load(name, cache)?;
        let facts = json!({
            "name": name, "state": "imported", "rows": data.rows(), "train": data.train_rows(),
            "features": data.schema().features.len(), "labels": data.labels(),
            "targets": data.targets(), "folder": cache.folder(name),
        });
        return show(&facts, as_json);
    };
    let addresses: Vec<String> = set.files().map(|file| set.address(file)).collect();
    let facts = json!({
        "name": set.name, "about": set.about, "state": state(set, cache), "rows": set.rows,
        "train": set.train, "features": set.features, "labels": set.labels,
        "targets": set.targets, "paper": set.paper, "licence": set.licence(), "files": addresses,
    });
    show(&facts, as_json)
}

fn demonstrated(name: &str, cache: &Cache) -> Result<Value> {
    let data = demonstrations::load(name, cache)?;
    Ok(json!({
        "name": name, "state": "imported", "environment": data.environment, "episodes": data.count(),
        "steps": data.len(), "observation": data.observation(), "action": data.action(),
        "mean return": Some(Returns::of(data.returns()).mean).filter(|mean| mean.is_finite()),
    }))
}

fn show(facts: &Value, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(facts);
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    let entries = facts.as_object().into_iter().flatten();
    output::table(entries.map(|(name, value)| (name.as_str(), text(value))))
}

fn import(arguments: &Import, cache: &Cache) -> Result<()> {
    match (&arguments.demonstrations, &arguments.train) {
        (Some(file), _) => import_demonstrations(arguments, file, cache),
        (None, Some(train)) => import_labels(arguments, train, cache),
        (None, None) => {
            let message = "expected --train FILE or --demonstrations FILE";
            Err(Usage(message.to_owned()).into())
        }
    }
}

fn import_demonstrations(arguments: &Import, file: &Path, cache: &Cache) -> Result<()> {
    let name = &arguments.name;
    if data::imported(cache).contains(name) {
        let message = format!("data set name {name:?} is taken by an imported set");
        return Err(Usage(message).into());
    }
    let environment = arguments.environment.as_deref();
    let data = demonstrations::import(name, file, environment, cache, arguments.force)?;
    output::line(&format!(
        "{name}: {} episodes, {} steps, {} numbers observed, {} in an action",
        data.count(),
        data.len(),
        data.observation(),
        data.action()
    ))
}

fn import_labels(arguments: &Import, train: &Path, cache: &Cache) -> Result<()> {
    let test = arguments.test.as_deref();
    let csv = train
        .to_string_lossy()
        .trim_end_matches(".gz")
        .ends_with(".csv");
    let named = arguments.labels.clone().map(LabelColumns::Names);
    let columns = named.or_else(|| arguments.label_prefix.clone().map(LabelColumns::Prefix));
    let ranked = arguments.ranking_column.clone().map(LabelColumns::Ranked);
    let source = match (columns, csv) {
        _ if (arguments.rankings || ranked.is_some()) && !csv => {
            let message = "rankings are imported from a CSV file";
            return Err(Usage(message.to_owned()).into());
        }
        (columns, _) if arguments.rankings || ranked.is_some() => {
            let columns = ranked.or(columns).unwrap_or(LabelColumns::Counted);
            Source::rankings(train, test, columns)
        }
        (Some(columns), true) => Source::csv(train, test, columns),
        (None, true) => {
            let message = "a CSV file needs --labels NAMES or --label-prefix PREFIX";
            return Err(Usage(message.to_owned()).into());
        }
        (_, false) => Source::arff(train, test, arguments.xml.as_deref())?,
    };
    let data = data::import(&arguments.name, &source, cache, arguments.force)?;
    output::line(&format!(
        "{}: {} rows ({} for training), {} features, {} labels",
        arguments.name,
        data.rows(),
        data.train_rows(),
        data.schema().features.len(),
        data.labels()
    ))
}
