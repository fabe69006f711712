//! What a verifier finds.

use std::fs;

use palisade_security::audit::{AuditKey, ChainHead, ChainReason, Summary, Verifier, verify};

use super::{directory, key, kinds, options, serve};

/// The lines of a log of five requests, of a process that ended in order.
fn lines(test: &str, key: Option<AuditKey>) -> Vec<String> {
    let path = directory(test).join("audit.jsonl");
    let options = match key {
        Some(key) => options().with_key(key),
        None => options(),
    };
    let audit = options.open(&path).unwrap();
    serve(&audit, 0..5);
    drop(audit);
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(kinds(&text), ["file", "0", "1", "2", "3", "4", "stop"]);
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[track_caller]
fn breaks(lines: &[String], key: Option<&AuditKey>, line: u64, reason: ChainReason) {
    let text = lines.concat();
    let error = verify(text.as_bytes(), key).unwrap_err();
    assert_eq!((error.line, &error.reason), (line, &reason), "{text}");
    assert!(error.to_string().starts_with(&format!("line {line}: ")));
}

/// The head that a chain has after these lines.
fn head(lines: &[String], key: Option<&AuditKey>) -> ChainHead {
    verify(lines.concat().as_bytes(), key).unwrap().head.unwrap()
}

#[test]
fn l3_every_change_shows_at_its_line() {
    for key in [None, Some(key(""))] {
        let test = if key.is_some() { "keyed" } else { "plain" };
        let written = lines(test, key.is_some().then(|| self::key("")));
        let key = key.as_ref();
        let summary = verify(written.concat().as_bytes(), key).unwrap();
        assert_eq!((summary.lines, summary.records, summary.lost), (7, 5, 0));
        assert!(summary.ended && summary.after.is_none());
        assert_eq!(summary.times, Some((5, 5)));

        for index in 1..written.len() {
            let number = index as u64 + 1;
            let mut edited = written.clone();
            edited[index] = edited[index].replace("\"time\":", "\"time\":1");
            breaks(&edited, key, number, ChainReason::Edited);
            edited[index] = written[index].replacen("\"seq\":", "\"seq\":1", 1);
            breaks(&edited, key, number, ChainReason::Edited);
            edited[index] =
                written[index].replace("\"hash\":\"", "\"hash\":\"0").replace("\"}", "}");
            breaks(&edited, key, number, ChainReason::Malformed);
            edited[index] = "{}\n".to_owned();
            breaks(&edited, key, number, ChainReason::Malformed);
            edited[index] = format!("{}\n", "x".repeat(9000));
            breaks(&edited, key, number, ChainReason::TooLong);
            edited[index] = written[index].trim_end().to_owned();
            if index + 1 == written.len() {
                breaks(&edited, key, number, ChainReason::Torn);
            }

            let mut more = written.clone();
            more.insert(index, written[index].clone());
            breaks(&more, key, number + 1, ChainReason::OutOfOrder);
            more[index] = written[0].clone();
            breaks(&more, key, number, ChainReason::SecondBeginning);

            let mut fewer = written.clone();
            fewer.remove(index);
            if index + 1 < written.len() {
                breaks(&fewer, key, number, ChainReason::OutOfOrder);
                let mut moved = written.clone();
                moved.swap(index, index + 1);
                breaks(&moved, key, number, ChainReason::OutOfOrder);
            }
        }
        breaks(&written[1..], key, 1, ChainReason::NoBeginning);
        breaks(&[], key, 1, ChainReason::NoBeginning);
        breaks(
            &[written[0].replace("\"format\":1", "\"format\":2")],
            key,
            1,
            ChainReason::UnknownFormat,
        );
    }
}

#[test]
fn l3_lines_cut_off_at_the_end_are_missed_by_a_noted_head() {
    let written = lines("cut", None);
    let noted = head(&written, None);
    for count in 1..written.len() {
        let text = written[..count].concat();
        let summary = verify(text.as_bytes(), None).unwrap();
        assert!(!summary.ended, "a log that did not end in order says so");
        let mut verifier = Verifier::new(None).with_checkpoint(noted);
        verifier.read(text.as_bytes()).unwrap();
        let error = verifier.finish().unwrap_err();
        assert_eq!((error.line, error.reason), (count as u64, ChainReason::CutOff));
        // A head that was noted earlier is found on the way.
        let mut verifier = Verifier::new(None).with_checkpoint(head(&written[..count], None));
        verifier.read(written.concat().as_bytes()).unwrap();
        assert!(verifier.finish().unwrap().ended);
    }
}

/// Whoever can change the file can compute a new chain, unless there is a key, or a head was noted.
#[test]
fn l3_a_chain_that_was_computed_anew() {
    let (original, other) = (lines("original", None), lines("other", None));
    assert_eq!(original, other, "the clock stands still");
    let forged = {
        let path = directory("forged").join("audit.jsonl");
        let audit = options().open(&path).unwrap();
        serve(&audit, 7..12);
        drop(audit);
        fs::read_to_string(path).unwrap()
    };
    assert!(verify(forged.as_bytes(), None).is_ok());
    let mut verifier = Verifier::new(None).with_checkpoint(head(&original[..3], None));
    let error = verifier.read(forged.as_bytes()).unwrap_err();
    assert_eq!((error.line, error.reason), (3, ChainReason::Rewritten));

    let keyed = lines("keyed_original", Some(key("")));
    breaks(&original, Some(&key("")), 1, ChainReason::OtherKey);
    breaks(&keyed, Some(&key("another")), 1, ChainReason::OtherKey);
    breaks(&keyed, None, 1, ChainReason::OtherKey);
    // The first line of a keyed file, and then a chain without one.
    let spliced: Vec<_> = keyed[..1].iter().chain(&original[1..]).cloned().collect();
    breaks(&spliced, Some(&key("")), 2, ChainReason::Edited);
}

#[test]
fn a_chain_goes_on_over_restarts_and_rotation() {
    let directory = directory("rotation");
    let path = directory.join("audit.jsonl");
    for process in 0..3 {
        let audit = options().with_key(key("")).with_max_file_bytes(2000).open(&path).unwrap();
        for number in 0..6 {
            let number = process * 6 + number;
            serve(&audit, number..number + 1);
            audit.flush(super::PATIENCE).unwrap();
        }
        assert!(audit.head().is_some());
    }
    let mut files: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The file that is written to has the shortest name, and is the newest.
    files.sort();
    files.rotate_left(1);
    assert!(files.len() > 2, "{files:?}");

    let key = key("");
    let mut verifier = Verifier::new(Some(&key));
    let mut all = String::new();
    let mut before: Option<Summary> = None;
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        verifier.read(text.as_bytes()).unwrap();
        let one = verify(text.as_bytes(), Some(&key)).unwrap();
        assert!(one.ended, "{file:?}");
        // Each file names the last line of the one before.
        assert_eq!(one.after, before.and_then(|before| before.head));
        let number = format!("{:012}", one.head.unwrap().seq);
        assert_eq!(file == &path, !file.to_str().unwrap().ends_with(&number), "{file:?}");
        before = Some(one);
        all += &text;
    }
    let summary = verifier.finish().unwrap();
    assert_eq!((summary.records, summary.lost, summary.after), (18, 0, None));
    let requests: Vec<u32> = kinds(&all).iter().filter_map(|kind| kind.parse().ok()).collect();
    assert_eq!(requests, (0..18).collect::<Vec<_>>());
    assert!(kinds(&all).iter().any(|kind| kind == "start"));

    // A file that is left out.
    let mut verifier = Verifier::new(Some(&key));
    verifier.read(fs::read(&files[0]).unwrap().as_slice()).unwrap();
    let error = verifier.read(fs::read(&files[2]).unwrap().as_slice()).unwrap_err();
    assert_eq!((error.line, error.reason), (1, ChainReason::OutOfOrder));

    // The newest file is gone, by a crash or by hand: the chain goes on after the one before, so it shows.
    let after = verify(fs::read(&files[files.len() - 2]).unwrap().as_slice(), Some(&key)).unwrap();
    fs::remove_file(&path).unwrap();
    drop(options().with_key(self::key("")).open(&path).unwrap());
    let new = verify(fs::read(&path).unwrap().as_slice(), Some(&key)).unwrap();
    assert_eq!(new.after, after.head);
}
