//! The steps of a transfer.

use tokio::try_join;
use trial_core::error::LedgerError;

use super::tables::{Page, TABLES, Table};
use super::{Cell, Mark, Move, MoveError, Moved, MovedTable, Rows};
use crate::postgres::{Found, Target};
use crate::sqlite::Source;

/// A transfer and its listener for progress.
pub(super) struct Mover<P> {
    pub(super) ends: Ends,
    pub(super) progress: P,
}

/// Both ends of a transfer.
pub(super) struct Ends {
    pub(super) plan: Move,
    pub(super) source: Source,
    pub(super) target: Target,
}

/// The agreement of a table of the target with the source.
enum Agreement {
    /// It is the same.
    Whole,
    /// It is the same so far: this number of rows, up to this key.
    Begun(u64, Vec<Cell>),
    /// It has rows that the source lacks.
    Different,
}

impl<P: FnMut(Moved) + Send> Mover<P> {
    /// Transfers everything, and returns the result for each table.
    pub(super) async fn run(&mut self) -> Result<Vec<MovedTable>, MoveError> {
        let is_done = !self.claim().await?;
        let mut tables = Vec::with_capacity(TABLES.len());
        for table in &TABLES {
            let rows = self.ends.rows(table).await?;
            let copied = if is_done { 0 } else { self.bring(table, rows).await? };
            tables.push(MovedTable { table: table.name, rows, copied });
        }
        if is_done {
            self.ends.fence().await?;
        } else {
            self.end().await?;
        }
        Ok(tables)
    }

    /// Closes both ends.
    pub(super) async fn close(self) {
        self.ends.source.release().await;
    }

    /// Claims the target, if there is anything to transfer.
    async fn claim(&mut self) -> Result<bool, MoveError> {
        let identity = self.ends.source.identity().await.map_err(|error| self.ends.reading(error))?;
        let mark = Mark::new(&self.ends.plan.from.path, identity);
        // A target in service is read, but never locked.
        if self.is_done(&mark).await? {
            return Ok(false);
        }
        self.look_at_source().await?;
        self.ends.target.hold().await.map_err(|error| match error {
            LedgerError::Contended(_) => MoveError::Busy(self.ends.target.place().to_owned()),
            other => self.ends.writing(other),
        })?;
        // The holder before may have been another transfer.
        if self.is_done(&mark).await? {
            return Ok(false);
        }
        self.ends.target.mark(&mark).await.map_err(|error| self.ends.writing(error))?;
        Ok(true)
    }

    /// Returns `true` if the target is complete already. If not, it may be claimed.
    async fn is_done(&mut self, mark: &Mark) -> Result<bool, MoveError> {
        let place = self.ends.target.place().to_owned();
        match self.ends.target.look(mark).await.map_err(|error| self.ends.writing(error))? {
            Found::Free => Ok(false),
            Found::Other(other) => Err(MoveError::OtherSource { place, from: other.place }),
            Found::Unmarked => {
                for table in &TABLES {
                    let rows = self.ends.rows(table).await?;
                    let Agreement::Whole = self.compare(table, rows).await? else {
                        return Err(MoveError::InUse { place, table: table.name });
                    };
                }
                Ok(true)
            }
        }
    }

    async fn look_at_source(&mut self) -> Result<(), MoveError> {
        (self.progress)(Moved::Checking);
        let violations =
            self.ends.source.violations(self.ends.plan.unique_by).await.map_err(|error| self.ends.reading(error))?;
        let path = self.ends.plan.from.path.clone();
        if violations.is_empty() { Ok(()) } else { Err(MoveError::Broken { path, violations }) }
    }

    /// Copies the rows of a table that the target lacks; returns their number. A table that differs from the source was
    /// changed there after an interruption, and is copied anew.
    async fn bring(&mut self, table: &'static Table, of: u64) -> Result<u64, MoveError> {
        let (there, behind) = match self.compare(table, of).await? {
            Agreement::Whole => (of, None),
            Agreement::Begun(there, behind) => (there, Some(behind)),
            Agreement::Different => {
                self.ends.target.clear(table).await.map_err(|error| self.ends.writing(error))?;
                (0, Some(Vec::new()))
            }
        };
        (self.progress)(Moved::Copied(Rows { table: table.name, done: there, of }));
        if let Some(behind) = behind {
            self.copy(table, behind, there, of).await?;
        }
        Ok(of - there)
    }

    /// Copies the rows after a key; the next ones are read while the last ones are stored.
    async fn copy(&mut self, table: &'static Table, behind: Vec<Cell>, there: u64, of: u64) -> Result<(), MoveError> {
        let mut done = there;
        let mut rows =
            self.ends.source.page(self.ends.page(table, behind)).await.map_err(|error| self.ends.reading(error))?;
        while let Some(last) = rows.last() {
            let next = self.ends.page(table, table.key_of(last));
            let stored =
                async { self.ends.target.insert(table, &rows).await.map_err(|error| self.ends.writing(error)) };
            let read = async { self.ends.source.page(next).await.map_err(|error| self.ends.reading(error)) };
            let ((), following) = try_join!(stored, read)?;
            done += rows.len() as u64;
            rows = following;
            (self.progress)(Moved::Copied(Rows { table: table.name, done, of }));
        }
        Ok(())
    }

    /// Compares a table row by row, as far as the target has it.
    async fn compare(&mut self, table: &'static Table, of: u64) -> Result<Agreement, MoveError> {
        let mut done = 0;
        let mut behind = Vec::new();
        loop {
            let page = self.ends.page(table, behind.clone());
            let ours = async { self.ends.source.page(page.clone()).await.map_err(|error| self.ends.reading(error)) };
            let theirs = async { self.ends.target.page(page.clone()).await.map_err(|error| self.ends.writing(error)) };
            let (ours, theirs) = try_join!(ours, theirs)?;
            if !ours.starts_with(&theirs) {
                return Ok(Agreement::Different);
            }
            if let Some(last) = theirs.last() {
                behind = table.key_of(last);
                done += theirs.len() as u64;
                (self.progress)(Moved::Compared(Rows { table: table.name, done, of }));
            }
            if theirs.len() < ours.len() {
                return Ok(Agreement::Begun(done, behind));
            }
            if theirs.is_empty() {
                return Ok(Agreement::Whole);
            }
        }
    }

    /// Compares everything and checks the invariants, in the transaction that removes the mark.
    async fn end(&mut self) -> Result<(), MoveError> {
        let place = self.ends.target.place().to_owned();
        self.ends.target.begin_to_end().await.map_err(|error| self.ends.writing(error))?;
        for table in &TABLES {
            let rows = self.ends.rows(table).await?;
            let Agreement::Whole = self.compare(table, rows).await? else {
                return Err(MoveError::Differs { place, table: table.name });
            };
        }
        (self.progress)(Moved::Checking);
        let violations =
            self.ends.target.violations(self.ends.plan.unique_by).await.map_err(|error| self.ends.writing(error))?;
        if !violations.is_empty() {
            return Err(MoveError::BrokenThere { place, violations });
        }
        // One after the other: at no time are both served.
        self.ends.fence().await?;
        self.ends.target.end().await.map_err(|error| self.ends.writing(error))
    }
}

impl Ends {
    /// Makes every instance refuse the source from now on.
    async fn fence(&self) -> Result<(), MoveError> {
        self.source.fence(self.target.place()).await.map_err(|error| self.reading(error))
    }

    async fn rows(&self, table: &'static Table) -> Result<u64, MoveError> {
        self.source.count(table).await.map_err(|error| self.reading(error))
    }

    fn page(&self, table: &'static Table, behind: Vec<Cell>) -> Page {
        Page { table, behind, rows: self.plan.chunk.max(1).into() }
    }

    fn reading(&self, source: LedgerError) -> MoveError {
        MoveError::Reading { path: self.plan.from.path.clone(), source }
    }

    fn writing(&self, source: LedgerError) -> MoveError {
        MoveError::Writing { place: self.target.place().to_owned(), source }
    }
}
