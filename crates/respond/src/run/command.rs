//! From a step's command to an action of the catalogue.

use hudun_cacao::{CommandType, Step, Variables};
use hudun_core::Action;

/// What a step asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Work {
    /// Control flow only.
    Nothing,
    /// A person does it.
    Person(String),
    /// The catalogue does it.
    Act(Action),
}

/// Reads the work of a step; variables stand in its content as `__name__:value`.
pub(super) fn work(step: &Step, variables: &Variables) -> Result<Work, String> {
    let Some(command) = step.commands.as_ref().and_then(|commands| commands.first()) else {
        return Ok(Work::Nothing);
    };
    match &command.type_ {
        CommandType::Manual => Ok(Work::Person(command.command.clone().unwrap_or_default())),
        CommandType::HttpApi => {
            let content = command.content.as_deref().unwrap_or("{}");
            let content = substitute(content, variables)?;
            serde_json::from_str(&content)
                .map(Work::Act)
                .map_err(|cause| {
                    format!("the command's content is no action of the catalogue: {cause}")
                })
        }
        other => Err(format!(
            "commands of type {other:?} are not in the catalogue; use http-api or manual"
        )),
    }
}

fn substitute(content: &str, variables: &Variables) -> Result<String, String> {
    let mut text = content.to_owned();
    for (name, variable) in variables {
        let reference = format!("{name}:value");
        if !text.contains(&reference) {
            continue;
        }
        let value = variable
            .value()
            .ok_or_else(|| format!("variable {name} has no value"))?;
        let quoted = serde_json::Value::from(value).to_string();
        // Without the quotes that JSON puts around it; those within stay escaped.
        let inner = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(&quoted);
        text = text.replace(&reference, inner);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use hudun_cacao::Variable;

    use super::*;

    #[test]
    fn a_value_from_outside_cannot_change_the_action() {
        let variables = Variables::from([(
            "__a__".to_owned(),
            Variable::new("string", "x\",\"minutes\":999999,\"y\":\""),
        )]);
        let text = substitute(r#"{"account":"__a__:value","minutes":5}"#, &variables).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["minutes"], 5);
        assert_eq!(value["account"], "x\",\"minutes\":999999,\"y\":\"");
    }
}
