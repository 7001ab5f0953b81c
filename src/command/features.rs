//! What a pinfold says that was built without a feature.

use pinfold_core::fault::Fault;

/// A pin demands what this pinfold was built without; `demand` is it, as in "it demands …".
pub(crate) fn left_out(pin: &str, demand: &str, feature: &str) -> Fault {
    let pin = pin.escape_debug();
    let message = format!("the pin `{pin}` demands {demand}, and this pinfold was built without `{feature}`");
    Fault::unverifiable("feature-left-out", message).hint(format!("use a pinfold that was built with `{feature}`"))
}
