//! Columns that are being made of rows' values, and how each is laid out in the file.

use std::borrow::Cow;

use indexmap::IndexSet;
use polars::prelude::{DataType, PolarsResult};
use polars_arrow::array::{
    Array, DictionaryArray, ListArray, MutableArray as _, MutableBooleanArray,
    MutablePrimitiveArray, PrimitiveArray, Utf8ViewArray,
};
use polars_arrow::datatypes::{ArrowDataType, IntegerType};
use polars_arrow::offset::Offsets;
use polars_parquet::write::Encoding;

/// Values of which at most so few are told apart are always worth a dictionary.
const FEW: usize = 128;

/// A column's values, and how they are to be written.
pub(super) type Made = (Box<dyn Array>, Encoding);

/// A column that is being made of rows' values.
pub(super) trait Column: Default {
    /// A row's value.
    type Value<'a>;
    /// Its type in the table.
    fn data_type() -> DataType;
    /// Adds a row's value.
    fn push(&mut self, value: Self::Value<'_>);
    /// Adds those of further rows.
    fn join(&mut self, further: Self);
    /// Bytes of what a row may have any number of.
    fn bytes(&self) -> usize {
        0
    }
    /// The values in one piece.
    fn finish(self) -> PolarsResult<Made>;
}

/// Whole numbers that mostly grow from row to row: only their differences are written.
#[derive(Default)]
pub(super) struct Whole(MutablePrimitiveArray<i64>);

/// Small whole numbers, few of them different.
#[derive(Default)]
pub(super) struct Small(MutablePrimitiveArray<u32>);

/// Numbers.
#[derive(Default)]
pub(super) struct Real(MutablePrimitiveArray<f64>);

/// Yes or no.
#[derive(Default)]
pub(super) struct Truth(MutableBooleanArray);

macro_rules! values {
    ($($name:ident: $value:ty as $data_type:ident, $array:ty, $encoding:ident;)*) => {
        $(impl Column for $name {
            type Value<'a> = Option<$value>;

            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn push(&mut self, value: Self::Value<'_>) {
                self.0.push(value);
            }

            fn join(&mut self, further: Self) {
                // Polars' own way loses count of what is null where `further` has no nulls.
                self.0.extend(<$array>::from(further.0));
            }

            fn finish(self) -> PolarsResult<Made> {
                Ok((<$array>::from(self.0).boxed(), Encoding::$encoding))
            }
        })*
    };
}

values! {
    Whole: i64 as Int64, PrimitiveArray<i64>, DeltaBinaryPacked;
    Small: u32 as UInt32, PrimitiveArray<u32>, RleDictionary;
    Real: f64 as Float64, PrimitiveArray<f64>, Plain;
    Truth: bool as Boolean, polars_arrow::array::BooleanArray, Plain;
}

/// Texts. Most rows say what the row before them said, so that each is looked up once and then known.
#[derive(Default)]
pub(super) struct Text {
    keys: MutablePrimitiveArray<u32>,
    texts: IndexSet<String>,
    bytes: usize,
    last: usize,
}

impl Text {
    fn key(&mut self, text: &str) -> usize {
        if self
            .texts
            .get_index(self.last)
            .is_none_or(|last| last != text)
        {
            let known = self.texts.get_index_of(text);
            self.last = known.unwrap_or_else(|| {
                self.bytes += text.len();
                self.texts.insert_full(text.to_owned()).0
            });
        }
        self.last
    }

    fn text(&self, key: u32) -> Option<&str> {
        self.texts.get_index(key as usize).map(String::as_str)
    }
}

impl Column for Text {
    type Value<'a> = Option<Cow<'a, str>>;

    fn data_type() -> DataType {
        DataType::String
    }

    fn push(&mut self, value: Self::Value<'_>) {
        // There are at most as many texts as rows, and far fewer than 2³² rows in one piece.
        let key = value.and_then(|text| u32::try_from(self.key(&text)).ok());
        self.keys.push(key);
    }

    fn join(&mut self, further: Self) {
        for key in further.keys.iter() {
            self.push(key.and_then(|key| further.text(*key)).map(Cow::from));
        }
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn finish(self) -> PolarsResult<Made> {
        let rows = self.keys.len();
        let worth_it = self.texts.len() <= FEW || self.texts.len() * 4 < rows * 3;
        if self.texts.is_empty() || !worth_it {
            let texts: Vec<Option<&str>> = self
                .keys
                .iter()
                .map(|key| key.and_then(|key| self.text(*key)))
                .collect();
            return Ok((Utf8ViewArray::from_slice(&texts).boxed(), Encoding::Plain));
        }
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let texts = Utf8ViewArray::from_slice_values(&texts).boxed();
        let data_type =
            ArrowDataType::Dictionary(IntegerType::UInt32, Box::new(texts.dtype().clone()), false);
        let array = DictionaryArray::<u32>::try_new(data_type, self.keys.into(), texts)?;
        Ok((array.boxed(), Encoding::RleDictionary))
    }
}

/// Lists of whole numbers.
#[derive(Default)]
pub(super) struct Lists {
    lengths: Vec<usize>,
    members: Vec<i64>,
}

impl Lists {
    /// As [`Column::bytes`].
    pub(super) const fn bytes(&self) -> usize {
        self.members.len() * size_of::<i64>()
    }

    /// Adds a row's list.
    pub(super) fn push(&mut self, members: impl ExactSizeIterator<Item = i64>) {
        self.lengths.push(members.len());
        self.members.extend(members);
    }

    /// As [`Column::join`].
    pub(super) fn join(&mut self, further: Self) {
        self.lengths.extend(further.lengths);
        self.members.extend(further.members);
    }

    /// As [`Column::finish`].
    pub(super) fn finish(self) -> PolarsResult<Made> {
        let data_type = ListArray::<i64>::default_datatype(ArrowDataType::Int64);
        let offsets = Offsets::<i64>::try_from_lengths(self.lengths.into_iter())?;
        let members = PrimitiveArray::from_vec(self.members).boxed();
        let lists = ListArray::try_new(data_type, offsets.into(), members, None)?;
        Ok((lists.boxed(), Encoding::Plain))
    }
}
