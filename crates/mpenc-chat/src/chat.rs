use crate::{cli::ChatArgs, failure::Failure};
pub(crate) async fn run(_: &ChatArgs) -> Result<(), Failure> {
    Ok(())
}
pub(crate) async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
