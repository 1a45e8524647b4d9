//! A row group: columns laid out and compressed, which is most of the work of writing a table.

use polars::prelude::{CompatLevel, PolarsResult};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, ParquetType, StatisticsOptions, Version, WriteOptions,
    array_to_columns, compress, to_parquet_schema,
};

use super::batch::Batch;

const OPTIONS: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: true,
        max_value: true,
        distinct_count: false,
        null_count: true,
        binary_statistics_truncate_length: None,
    },
    compression: CompressionOptions::Snappy,
    version: Version::V1,
    data_page_size: None,
};

/// Rows as they stand in the file.
pub(super) struct Group {
    pub(super) rows: u64,
    /// The pages of each column.
    pub(super) pages: Vec<Vec<CompressedPage>>,
}

impl Group {
    /// Lays out a batch.
    pub(super) fn of(batch: Batch) -> PolarsResult<Self> {
        let rows = batch.rows() as u64;
        let types = types()?;
        let mut pages = Vec::with_capacity(types.len());
        for ((array, encoding), of) in batch.finish()?.into_iter().zip(types) {
            for column in array_to_columns(array, of, OPTIONS, &[encoding])? {
                let compressed = |page| Ok(compress(page?, Vec::new(), OPTIONS.compression)?);
                pages.push(column.map(compressed).collect::<PolarsResult<_>>()?);
            }
        }
        Ok(Self { rows, pages })
    }
}

fn types() -> PolarsResult<Vec<ParquetType>> {
    let schema = Batch::schema();
    let fields = schema.iter().map(|(name, data_type)| {
        let field = data_type.to_arrow_field(name.clone(), CompatLevel::newest());
        (name.clone(), field)
    });
    Ok(to_parquet_schema(&fields.collect())?.fields().to_vec())
}
