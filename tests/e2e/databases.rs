//! The macro for tests on every kind of database.

/// Tests that hold on every kind of database: functions of a home whose service has not started yet.
macro_rules! on_every_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(trialgate_tests::Home::new()).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(trialgate_tests::Home::shared().await).await;
                }
            )+
        }
    };
}

pub(crate) use on_every_database;
