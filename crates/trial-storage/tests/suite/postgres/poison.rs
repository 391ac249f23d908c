//! As on SQLite.

use trial_testkit::Desk;

use super::server::Database;
use crate::poison::{POISON, assert_only_the_sound_one_comes, three_tenants};

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_mail_stands_in_no_others_way() {
    let database = Database::new().await;
    let desk = Desk::new(database.open().await).with_access_codes(3).await;
    let tenants = three_tenants(&desk).await;
    for (tenant, (poison, _)) in tenants[1..].iter().zip(POISON) {
        let id = tenant.to_string().replace('-', "");
        database.execute(&format!("{poison} decode('{id}', 'hex')")).await;
    }
    assert_only_the_sound_one_comes(&desk, &tenants).await;
}
