//! `pinfold fetch`.

use crate::support::{Project, human};

#[test]
fn installs_and_then_has_nothing_to_do() {
    let project = Project::new("");
    let integrity = project.web.serve_npm("left", "1.0.0", &[("index.js", "export default 1;\n")]);
    project.pins(&format!("[pins.left]\nnpm = \"left@1.0.0\"\nintegrity = \"{integrity}\"\nto = \"vendor/left\"\n"));
    let report = project.fetch();
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(project.web.asked().len(), 1);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 1;\n");

    let again = project.fetch();
    assert_eq!(again.rows[0].status, "unchanged", "{}", human(&again));
    assert!(project.web.asked().is_empty());
}
