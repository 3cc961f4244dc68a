//! Credentials, sessions, keys of programs; and the program where people have enrolled.

use std::process::Output;

use ankuan::access::api_keys::{self, Scope};
use ankuan::access::credentials::{
    Enrolment, change_password, check_password, check_totp, confirm_totp, enrol, invite, lift_lock, reset,
    unlock_signer,
};
use ankuan::access::sessions;
use ankuan::access::{self, Actor, Role};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::{Message, Outcome};
use jiff::{SignedDuration, Timestamp};
use totp_rs::{Builder, Secret, Totp};

use crate::court::{ADMIN, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, TODAY, at, code};
use crate::program::{ACTS, Files, Known, act, open_court, said, words};
use crate::support::Database;

pub const PASSWORD: &str = "一匹马、一块电池和一枚订书钉";

/// A court and its keys.
struct Desk {
    court: Court,
    keys: Keys,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn open(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::create(&folder.path().join("keys"), &mut Randomness::seeded(1)).expect("makes keys");
        Self { court: Court::open(database), keys, _folder: folder }
    }

    fn enrolled(&mut self, who: &str) -> Enrolment {
        enrolled(&mut self.court, &self.keys, who)
    }

    fn invited(&mut self, who: &str) -> Outcome<String> {
        let person = self.court.person(who);
        self.court.act(ADMIN, |tx, acting, _| invite(tx, acting, &person, &mut Randomness::seeded(3)))
    }

    fn enrol(&mut self, who: &str, code: &str, password: &str, at: Timestamp) -> Outcome<Enrolment> {
        enrol(&mut self.court.store, &self.keys, COURT, who, code, password, at, &mut Randomness::system())
    }

    fn check(&mut self, who: &str, password: &str, seconds: i64) -> Result<Actor, Message> {
        match check_password(&mut self.court.store, COURT, who, password, later(seconds)) {
            Ok(proof) => Ok(proof.actor),
            Err(ankuan::Failure::Refused(message)) => Err(message),
            Err(broken) => panic!("{broken:?}"),
        }
    }
}

/// Invites a person and enrols them with [`PASSWORD`].
pub fn enrolled(court: &mut Court, keys: &Keys, who: &str) -> Enrolment {
    let person = court.person(who);
    let mut randomness = Randomness::system();
    // After a reset there is an invitation already; a new one takes its place.
    let code = court.act(ADMIN, |tx, acting, _| invite(tx, acting, &person, &mut randomness)).expect("invites");
    enrol(&mut court.store, keys, COURT, who, &code, PASSWORD, at(), &mut randomness).expect("enrols")
}

fn later(seconds: i64) -> Timestamp {
    at() + SignedDuration::from_secs(seconds)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Message>) -> &'static str {
    result.expect_err("refused").code
}

fn an_invitation_is_used_once_within_its_days(database: &Database) {
    let mut desk = Desk::open(database);
    let keeper = desk.court.person(KEEPER);
    let by_another = desk.court.act(FINANCE, |tx, acting, _| invite(tx, acting, &keeper, &mut Randomness::seeded(3)));
    assert_eq!(code(by_another), "access.role_missing");
    let week = 7 * 24 * 60 * 60;
    let invitation = desk.invited(KEEPER).expect("invites");
    for (who, given, seconds) in [
        ("无此人", invitation.as_str(), 0),
        (FINANCE, &invitation, 0),
        (KEEPER, "22222-22222-22222-22222", 0),
        (KEEPER, &invitation, week),
    ] {
        assert_eq!(code(desk.enrol(who, given, PASSWORD, later(seconds))), "access.enrolment_refused", "{who} {given}");
    }
    // Refused for its password, the invitation still stands.
    for (password, refused) in [("short", "access.password_short"), ("123456789012", "access.password_common")] {
        assert_eq!(code(desk.enrol(KEEPER, &invitation, password, at())), refused);
    }
    let typed = invitation.to_lowercase().replace('-', " ");
    let made = desk.enrol(KEEPER, &typed, PASSWORD, later(week - 1)).expect("enrols");
    assert_eq!(made.totp_secret_base32.len(), 32);
    assert!(made.otpauth_url.starts_with("otpauth://totp/ankuan:%E6"), "{}", made.otpauth_url);
    assert_eq!(code(desk.enrol(KEEPER, &invitation, PASSWORD, at())), "access.enrolment_refused", "used");
    assert_eq!(code(desk.invited(KEEPER)), "access.enrolled_before");
    assert_eq!(desk.check(KEEPER, PASSWORD, 0).expect("signs in"), keeper);
    assert!(!format!("{made:?}").contains(&made.totp_secret_base32));
}

/// What is stored of secrets is of no use to who reads it.
fn no_secret_is_stored(database: &Database) {
    let mut desk = Desk::open(database);
    let invitation = desk.invited(HEAD).expect("invites");
    let made = desk.enrolled(KEEPER);
    let keeper = desk.court.person(KEEPER);
    let (token, shown) = desk
        .court
        .act(ADMIN, |tx, acting, _| {
            let mut randomness = Randomness::seeded(4);
            let token = sessions::open(tx, &keeper, at(), &mut randomness)?;
            Ok((token, api_keys::create(tx, acting, &keeper, "x", &[Scope::Read], 1, &mut randomness)?.1))
        })
        .expect("makes both");
    let mut tx = desk.court.store.snapshot().expect("reads");
    let mut stored = String::new();
    for text in [
        "SELECT password_hash, signing_key, totp_secret FROM credential WHERE court_id = $1",
        "SELECT '', code_digest, code_digest FROM enrolment WHERE court_id = $1",
        "SELECT '', token_digest, token_digest FROM session WHERE court_id = $1",
        "SELECT name, secret_digest, secret_digest FROM api_key WHERE court_id = $1",
    ] {
        let rows = tx.query(text, &[COURT.into()], |row| {
            Ok(format!(
                "{} {} {}\n",
                row.text(0)?,
                String::from_utf8_lossy(row.bytes(1)?),
                String::from_utf8_lossy(row.bytes(2)?)
            ))
        });
        stored.extend(rows.expect("reads"));
    }
    assert_eq!(stored.lines().filter(|line| line.contains("$argon2id$v=19$m=19456,t=2,p=1$")).count(), 1);
    let totp = Secret::try_from_base32(&made.totp_secret_base32).expect("a secret");
    let secret = shown.rsplit('_').next().expect("a secret");
    for hidden in
        [PASSWORD, &invitation, &token, secret, &made.totp_secret_base32, &String::from_utf8_lossy(totp.as_bytes())]
    {
        assert!(!stored.contains(hidden), "{hidden}");
    }
}

fn five_failures_lock_for_a_while(database: &Database) {
    let mut desk = Desk::open(database);
    desk.enrolled(KEEPER);
    assert_eq!(refusal(desk.check("无此人", PASSWORD, 0)), "access.sign_in_refused");
    assert_eq!(refusal(desk.check(FINANCE, PASSWORD, 0)), "access.sign_in_refused", "not enrolled");
    for _ in 0..4 {
        assert_eq!(refusal(desk.check(KEEPER, "not the password", 0)), "access.sign_in_refused");
    }
    desk.check(KEEPER, PASSWORD, 0).expect("a right one clears what was wrong");
    for _ in 0..5 {
        assert_eq!(refusal(desk.check(KEEPER, "not the password", 0)), "access.sign_in_refused");
    }
    // The right one does not open a lock either, and what is tried meanwhile does not count.
    assert_eq!(refusal(desk.check(KEEPER, PASSWORD, 0)), "access.locked");
    let locked = desk.check(KEEPER, "not the password", 59).expect_err("locked");
    assert_eq!((locked.code, locked.arguments), ("access.locked", vec![("seconds", "1".to_owned())]));
    // After a minute one more failure locks for two.
    assert_eq!(refusal(desk.check(KEEPER, "not the password", 60)), "access.sign_in_refused");
    assert_eq!(refusal(desk.check(KEEPER, PASSWORD, 60 + 119)), "access.locked");
    desk.check(KEEPER, PASSWORD, 60 + 120).expect("the lock is over");
    assert_eq!(refusal(desk.check(KEEPER, "not the password", 180)), "access.sign_in_refused");
    desk.check(KEEPER, PASSWORD, 180).expect("counted anew");

    for _ in 0..5 {
        assert_eq!(refusal(desk.check(KEEPER, "not the password", 200)), "access.sign_in_refused");
    }
    let keeper = desk.court.person(KEEPER);
    let lift = |desk: &mut Desk, who| desk.court.act(who, |tx, acting, _| lift_lock(tx, acting, &keeper));
    assert_eq!(code(lift(&mut desk, FINANCE)), "access.role_missing");
    lift(&mut desk, ADMIN).expect("lifts");
    desk.check(KEEPER, PASSWORD, 200).expect("open again");
}

/// Those who guess at once get no more guesses than those who guess in a row.
fn guesses_at_once_are_counted_as_well(database: &Database) {
    let mut desk = Desk::open(database);
    desk.enrolled(KEEPER);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| check_password(&mut database.open(), COURT, KEEPER, "not the password", at()).map(drop));
        }
    });
    assert_eq!(refusal(desk.check(KEEPER, PASSWORD, 0)), "access.locked");
    desk.check(KEEPER, PASSWORD, 60).expect("the sixth was not counted");
}

fn authenticator(made: &Enrolment) -> Totp {
    let secret = Secret::try_from_base32(&made.totp_secret_base32).expect("a secret");
    Builder::new().with_secret(secret).build().expect("a second factor")
}

fn a_code_counts_once(database: &Database) {
    let mut desk = Desk::open(database);
    let made = desk.enrolled(KEEPER);
    let keeper = made.actor.clone();
    let totp = authenticator(&made);
    let code_at = |seconds: i64| totp.generate(u64::try_from(later(seconds).as_second()).expect("a time")).to_string();
    let check = |desk: &mut Desk, given: &str, seconds| {
        check_totp(&mut desk.court.store, &desk.keys, &keeper, given, later(seconds))
    };
    let confirm = |desk: &mut Desk, given: &str, seconds| {
        confirm_totp(&mut desk.court.store, &desk.keys, &keeper, given, later(seconds))
    };
    assert_eq!(code(check(&mut desk, &code_at(0), 0)), "access.totp_not_confirmed");
    assert_eq!(code(confirm(&mut desk, "12345", 0)), "access.totp_refused");
    assert_eq!(code(confirm(&mut desk, &code_at(-60), 0)), "access.totp_refused", "two steps old");
    confirm(&mut desk, &code_at(0), 0).expect("confirms");
    assert_eq!(code(confirm(&mut desk, &code_at(30), 30)), "access.totp_confirmed");
    assert_eq!(code(check(&mut desk, &code_at(0), 0)), "access.totp_refused", "it confirmed");
    check(&mut desk, &code_at(30), 30).expect("the next");
    assert_eq!(code(check(&mut desk, &code_at(30), 31)), "access.totp_refused", "again");
    assert_eq!(code(check(&mut desk, &code_at(0), 31)), "access.totp_refused", "one before it");
    check(&mut desk, &code_at(120), 90).expect("a telephone that is 30 seconds ahead");
    check(&mut desk, &code_at(150), 180).expect("and one that is behind");
    assert!(check_password(&mut desk.court.store, COURT, KEEPER, PASSWORD, at()).expect("right").has_totp);
    // Codes are guessed at no more than passwords, and a right password does not begin the count anew.
    for _ in 0..4 {
        assert_eq!(code(check(&mut desk, "000", 300)), "access.totp_refused");
    }
    desk.check(KEEPER, PASSWORD, 300).expect("right");
    assert_eq!(code(check(&mut desk, "000", 300)), "access.totp_refused");
    assert_eq!(code(check(&mut desk, &code_at(300), 300)), "access.locked");
    check(&mut desk, &code_at(360), 360).expect("a minute later");
    let other = desk.court.person(FINANCE);
    assert_eq!(code(check_totp(&mut desk.court.store, &desk.keys, &other, "000000", at())), "access.not_enrolled");
}

fn a_session_ends_when_idle_and_after_a_day(database: &Database) {
    let mut desk = Desk::open(database);
    let keeper = desk.court.person(KEEPER);
    let open = |desk: &mut Desk, seed| {
        let made = desk
            .court
            .act(KEEPER, |tx, acting, _| sessions::open(tx, &acting.actor, at(), &mut Randomness::seeded(seed)));
        made.expect("opens")
    };
    let by_token = |desk: &mut Desk, token: &str, seconds| {
        sessions::by_token(&mut desk.court.store.snapshot().expect("reads"), COURT, token, later(seconds))
            .expect("reads")
    };
    let touch = |desk: &mut Desk, token: &str, seconds| {
        desk.court.act(KEEPER, |tx, _, _| sessions::touch(tx, COURT, token, later(seconds))).expect("touches");
    };
    let token = open(&mut desk, 1);
    let (half_hour, twelve_hours) = (30 * 60, 12 * 60 * 60);
    let session = by_token(&mut desk, &token, 0).expect("is open");
    assert_eq!(session.actor, keeper);
    assert!(!session.must_be_touched(later(59)) && session.must_be_touched(later(60)));
    assert!(by_token(&mut desk, "", 0).is_none() && by_token(&mut desk, &token[1..], 0).is_none());
    assert!(by_token(&mut desk, &token, half_hour - 1).is_some());
    assert!(by_token(&mut desk, &token, half_hour).is_none(), "idle");
    let elsewhere = sessions::by_token(&mut desk.court.store.snapshot().expect("reads"), COURT + 1, &token, at());
    assert!(elsewhere.expect("reads").is_none(), "of another court");
    // Used all day, it still ends.
    let mut seconds = 0;
    while seconds + half_hour < twelve_hours {
        seconds += half_hour - 1;
        touch(&mut desk, &token, seconds);
    }
    assert!(by_token(&mut desk, &token, twelve_hours - 1).is_some());
    touch(&mut desk, &token, twelve_hours - 1);
    assert!(by_token(&mut desk, &token, twelve_hours).is_none(), "absolute");

    let (one, two) = (open(&mut desk, 2), open(&mut desk, 3));
    desk.court.act(KEEPER, |tx, _, _| sessions::close(tx, COURT, &one)).expect("closes");
    assert!(by_token(&mut desk, &one, 0).is_none() && by_token(&mut desk, &two, 0).is_some());
    desk.court.act(KEEPER, |tx, _, _| sessions::close_all(tx, &keeper)).expect("closes");
    assert!(by_token(&mut desk, &two, 0).is_none());
}

fn a_programs_key_is_for_what_it_says_until_its_day(database: &Database) {
    let mut desk = Desk::open(database);
    let keeper = desk.court.person(KEEPER);
    let create = |desk: &mut Desk, who: &str, scopes: &[Scope], days| {
        desk.court.act(who, |tx, acting, _| {
            api_keys::create(tx, acting, &keeper, "核心系统", scopes, days, &mut Randomness::system())
        })
    };
    assert_eq!(code(create(&mut desk, ADMIN, &[Scope::Read], 90)), "access.not_enrolled");
    desk.enrolled(KEEPER);
    assert_eq!(code(create(&mut desk, FINANCE, &[Scope::Read], 90)), "access.role_missing");
    assert_eq!(code(create(&mut desk, ADMIN, &[], 90)), "access.scopes_empty");
    for days in [0, -1, 367, i64::MAX] {
        assert_eq!(code(create(&mut desk, ADMIN, &[Scope::Read], days)), "access.key_days");
    }
    let (key, shown) = create(&mut desk, ADMIN, &[Scope::Bank, Scope::Read], 1).expect("makes one");
    let (other, other_shown) = create(&mut desk, ADMIN, &[Scope::Write], 1).expect("makes another");
    assert!(shown.starts_with(&format!("ankuan_{COURT}_{}_", key.key_id)), "{shown}");
    assert_eq!(api_keys::court_of(&shown), Some(COURT));
    let by_secret = |desk: &mut Desk, shown: &str, seconds| {
        api_keys::by_secret(&mut desk.court.store.snapshot().expect("reads"), COURT, shown, later(seconds))
            .expect("reads")
    };
    let day = 24 * 60 * 60;
    let found = by_secret(&mut desk, &shown, day - 1).expect("counts");
    assert_eq!((&found, &found.scopes[..]), (&key, &[Scope::Read, Scope::Bank][..]));
    found.require(Scope::Bank).expect("is for it");
    assert_eq!(refusal(found.require(Scope::Write)), "access.scope_missing");
    assert!(by_secret(&mut desk, &shown, day).is_none(), "over");
    let secret = other_shown.rsplit('_').next().expect("a secret");
    for wrong in [
        String::new(),
        "ankuan_".to_owned(),
        shown[..shown.len() - 1].to_owned(),
        format!("{shown}_"),
        format!("ankuan_{COURT}_{}_{secret}", key.key_id),
        shown.replacen(&format!("_{COURT}_"), &format!("_{}_", COURT + 1), 1),
    ] {
        assert!(by_secret(&mut desk, &wrong, 0).is_none(), "{wrong}");
    }
    let revoke =
        |desk: &mut Desk, who: &str| desk.court.act(who, |tx, acting, _| api_keys::revoke(tx, acting, key.key_id));
    assert_eq!(code(revoke(&mut desk, FINANCE)), "access.role_missing");
    revoke(&mut desk, ADMIN).expect("revokes");
    assert_eq!(code(revoke(&mut desk, ADMIN)), "access.key_unknown");
    assert!(by_secret(&mut desk, &shown, 0).is_none());
    assert!(by_secret(&mut desk, &other_shown, 0).is_some());
    // A reset ends what acts in that name.
    desk.court
        .act(ADMIN, |tx, acting, _| reset(tx, acting, &keeper, "离岗", &mut Randomness::system()))
        .expect("resets");
    assert!(by_secret(&mut desk, &other_shown, 0).is_none());
    let all = api_keys::all(&mut desk.court.store.snapshot().expect("reads"), COURT).expect("reads");
    assert_eq!(all.iter().map(|key| key.key_id).collect::<Vec<_>>(), [key.key_id, other.key_id]);
}

fn a_changed_password_keeps_the_key_and_a_reset_ends_it(database: &Database) {
    let mut desk = Desk::open(database);
    desk.enrolled(KEEPER);
    let keeper = desk.court.person(KEEPER);
    let unlock = |desk: &mut Desk, password: &str| unlock_signer(&mut desk.court.store, COURT, KEEPER, password, at());
    let change = |desk: &mut Desk, old: &str, new: &str| {
        change_password(&mut desk.court.store, COURT, KEEPER, old, new, at(), &mut Randomness::system())
    };
    let before = unlock(&mut desk, PASSWORD).expect("unlocks");
    let token = desk
        .court
        .act(KEEPER, |tx, acting, _| sessions::open(tx, &acting.actor, at(), &mut Randomness::seeded(1)))
        .expect("opens");
    let newer = "another long sentence";
    assert_eq!(code(change(&mut desk, "not the password", newer)), "access.sign_in_refused");
    assert_eq!(code(change(&mut desk, PASSWORD, "short")), "access.password_short");
    change(&mut desk, PASSWORD, newer).expect("changes");
    assert_eq!(code(unlock(&mut desk, PASSWORD)), "access.sign_in_refused");
    let after = unlock(&mut desk, newer).expect("unlocks");
    assert_eq!((after.key_id, after.sign(b"x")), (before.key_id, before.sign(b"x")), "the same key");
    let open = sessions::by_token(&mut desk.court.store.snapshot().expect("reads"), COURT, &token, at());
    assert!(open.expect("reads").is_none(), "sessions have ended");

    let mut reset_by = |who: &str, reason: &str| {
        desk.court.act(who, |tx, acting, _| reset(tx, acting, &keeper, reason, &mut Randomness::system()))
    };
    assert_eq!(code(reset_by(FINANCE, "忘记密码")), "access.role_missing");
    assert_eq!(code(reset_by(ADMIN, " ")), "access.reason_missing");
    let invitation = reset_by(ADMIN, "忘记密码").expect("resets");
    assert_eq!(code(reset_by(ADMIN, "忘记密码")), "access.not_enrolled");
    assert_eq!(code(unlock(&mut desk, newer)), "access.sign_in_refused");
    desk.enrol(KEEPER, &invitation, newer, at()).expect("enrols again");
    let again = unlock(&mut desk, newer).expect("unlocks");
    assert_ne!((again.key_id, again.sign(b"x")), (before.key_id, before.sign(b"x")), "another key");
}

fn new_roles_stay_apart(database: &Database) {
    let mut court = Court::open(database);
    let people: Vec<Actor> = [HANDLER, FINANCE, HEAD, ADMIN].iter().map(|name| court.person(name)).collect();
    let mut grant =
        |person: &Actor, role| court.act(ADMIN, |tx, acting, _| access::grant(tx, acting, person, role, TODAY, "任命"));
    for person in &people {
        for role in [Role::Cashier, Role::UpperCourt] {
            assert_eq!(code(grant(person, role)), "access.duties_apart", "{} {role:?}", person.name);
        }
    }
    for role in [Role::Finance, Role::Handler, Role::BureauHead] {
        assert_eq!(code(grant(&people[3], role)), "access.duties_apart", "{role:?}");
    }
    let (cashier, upper) = court
        .act(ADMIN, |tx, acting, _| {
            Ok((access::add_person(tx, acting, "出纳")?, access::add_person(tx, acting, "上级")?))
        })
        .expect("adds");
    for (person, role) in [(&cashier, Role::Cashier), (&upper, Role::UpperCourt)] {
        court.act(ADMIN, |tx, acting, _| access::grant(tx, acting, person, role, TODAY, "任命")).expect("grants");
        let mut tx = court.store.snapshot().expect("reads");
        assert!(access::require(&mut tx, person, TODAY, role).is_ok());
    }
}

/// The program, with the passwords in its environment.
fn run(files: &Files, database: &Database, arguments: &[String], passwords: &[(&str, &str)]) -> Output {
    let mut command = files.command(&database.address, arguments);
    for name in ["ANKUAN_PASSWORD", "ANKUAN_SECOND_PASSWORD", "ANKUAN_NEW_PASSWORD"] {
        command.env_remove(name);
    }
    command.envs(passwords.iter().copied()).output().expect("runs")
}

fn done(files: &Files, database: &Database, arguments: &[String], passwords: &[(&str, &str)]) -> serde_json::Value {
    let output = run(files, database, arguments, passwords);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn names_are_taken_at_their_word_until_somebody_enrolled(database: &Database) {
    let files = Files::new(20);
    open_court(&files, database);
    let mine = [("ANKUAN_PASSWORD", PASSWORD)];
    let wrong = [("ANKUAN_PASSWORD", "not the password")];
    let refused = |arguments: &[&str], passwords: &[(&str, &str)], code: &str| {
        let output = run(&files, database, &words(arguments), passwords);
        assert!(output.status.code() == Some(1) && said(&output).contains(code), "{arguments:?}: {}", said(&output));
    };
    let enrol = |who: &str, passwords: &[(&str, &str)]| {
        let invited = done(&files, database, &words(&["person", "invite", who, "--as", "赵管理"]), passwords);
        let path = files.path("code");
        std::fs::write(&path, format!("{}\n", invited["code"].as_str().expect("a code"))).expect("writes");
        let arguments = words(&["person", "enrol", who, "--code-file", path.to_str().expect("UTF-8")]);
        assert_eq!(run(&files, database, &arguments, &[]).status.code(), Some(1), "no password");
        let made = done(&files, database, &arguments, &mine);
        assert!(made["otpauth_url"].as_str().expect("an address").starts_with("otpauth://"));
    };
    done(&files, database, &words(&["person", "add", "甲", "--as", "赵管理"]), &[]);
    enrol("赵管理", &[]);

    let add = ["person", "add", "乙", "--as", "赵管理"];
    refused(&add, &[], "command.password_missing");
    refused(&add, &wrong, "access.sign_in_refused");
    refused(&["person", "add", "乙", "--as", "孙财务"], &mine, "access.not_enrolled");
    refused(&["person", "add", "乙", "--as", "无此人"], &mine, "access.person_unknown");
    done(&files, database, &words(&add), &mine);
    let file = files.path("password");
    std::fs::write(&file, format!("{PASSWORD}\nand more")).expect("writes");
    let by_file = ["person", "add", "丙", "--as", "赵管理", "--password-file", file.to_str().expect("UTF-8")];
    done(&files, database, &words(&by_file), &wrong);
    done(&files, database, &words(&["person", "list"]), &[]);

    // A whole payout, each step with a password; approvals are signed.
    for who in ["钱承办", "孙财务", "周局长"] {
        enrol(who, &mine);
    }
    let list = files.path("list.csv");
    let import = ["claims", "import", list.to_str().expect("UTF-8"), "--case", crate::program::CASE, "--as", "钱承办"];
    refused(&import, &[], "command.password_missing");
    let mut known = Known::default();
    let out = files.path("out");
    for name in ACTS {
        let arguments = act(&files, name, &known, &out);
        if name.starts_with("approve") {
            let output = run(&files, database, &arguments, &[]);
            assert!(said(&output).contains("command.password_missing"), "{}", said(&output));
        }
        known.learn(&done(&files, database, &arguments, &mine));
    }
    files.verified(&database.address, &[]);
    let mut store = database.open();
    let mut tx = store.snapshot().expect("reads");
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM approval_signature WHERE court_id = $1";
    assert_eq!(tx.query_one(count, &[1.into()], |row| row.int(0)).expect("reads"), 2);
    drop(tx);

    // The second person proves it as well.
    let cash = [
        "cash",
        "take",
        crate::program::CASE,
        "--payer",
        "吴某",
        "--amount",
        "10",
        "--purpose",
        "当场履行",
        "--second-officer",
        "周局长",
        "--as",
        "钱承办",
    ];
    refused(&cash, &mine, "ANKUAN_SECOND_PASSWORD");
    refused(&cash, &[mine[0], ("ANKUAN_SECOND_PASSWORD", "not the password")], "access.sign_in_refused");
    done(&files, database, &words(&cash), &[mine[0], ("ANKUAN_SECOND_PASSWORD", PASSWORD)]);

    // A password changes; a forgotten one is reset.
    let newer = [("ANKUAN_PASSWORD", "another long sentence")];
    let change = words(&["person", "password", "--as", "孙财务"]);
    done(&files, database, &change, &[mine[0], ("ANKUAN_NEW_PASSWORD", newer[0].1)]);
    refused(&["ledger", "close-month", "2026-10", "--as", "孙财务"], &mine, "access.sign_in_refused");
    done(&files, database, &words(&["ledger", "close-month", "2026-10", "--as", "孙财务"]), &newer);
    let made = words(&["api-key", "add", "孙财务", "--name", "核心系统", "--scope", "bank", "--as", "赵管理"]);
    let made = done(&files, database, &made, &mine);
    assert!(made["secret"].as_str().expect("a secret").starts_with("ankuan_1_") && made["waits"] == true, "{made}");
    // It counts when whose it is has said so, and nobody else can.
    let key = made["key_id"].to_string();
    refused(&["api-key", "confirm", &key, "--as", "赵管理"], &mine, "access.key_not_yours");
    done(&files, database, &words(&["api-key", "confirm", &key, "--as", "孙财务"]), &newer);
    let keys = done(&files, database, &words(&["api-key", "list"]), &[]);
    let state = (&keys["api_keys"][0]["is_live"], &keys["api_keys"][0]["waits"]);
    assert_eq!(state, (&true.into(), &false.into()));
    done(&files, database, &words(&["person", "reset", "孙财务", "--reason", "忘记密码", "--as", "赵管理"]), &mine);
    refused(&["ledger", "close-month", "2026-09", "--as", "孙财务"], &newer, "access.not_enrolled");
    let keys = done(&files, database, &words(&["api-key", "list"]), &[]);
    assert_eq!((&keys["api_keys"][0]["person"], &keys["api_keys"][0]["is_live"]), (&"孙财务".into(), &false.into()));
    done(&files, database, &words(&["person", "lock-reset", "周局长", "--as", "赵管理"]), &mine);
    files.verified(&database.address, &[]);
}

/// Its role events and delegations are made anew with more roles, are guarded, and the chain holds.
fn an_older_court_keeps_its_roles(database: &Database) {
    let mut store = database.open();
    let older = ankuan::schema::MIGRATIONS.iter().position(|step| step.name == "0012_sign_in").expect("known");
    store.migrate(&ankuan::schema::MIGRATIONS[..older]).expect("migrates");
    let mut tx = store.begin().expect("begins");
    // Where today's program writes the duties down; the older one did not, and the step that makes the table comes last.
    let duties = "CREATE TABLE duty_held (court_id BIGINT, person_id BIGINT, from_day TEXT, handler BIGINT, \
        fund_keeper BIGINT, finance BIGINT, cashier BIGINT, bureau_head BIGINT, vice_president BIGINT, auditor BIGINT, \
        upper_court BIGINT, admin BIGINT)";
    tx.execute(duties, &[]).expect("makes it");
    let new = ankuan::chart::NewCourt {
        court_id: COURT,
        name: "某某法院",
        admin_name: ADMIN,
        chart_file: ankuan::chart::DEFAULT_FILE,
        chart_text: ankuan::chart::DEFAULT,
    };
    let admin = ankuan::chart::open_court(&mut tx, &new, TODAY, at()).expect("opens");
    let (one, two) = (access::add_person(&mut tx, &admin, "甲"), access::add_person(&mut tx, &admin, "乙"));
    let (one, two) = (one.expect("adds"), two.expect("adds"));
    access::grant(&mut tx, &admin, &one, Role::BureauHead, TODAY, "任命").expect("grants");
    access::delegate(&mut tx, &admin, &one, &two, Role::BureauHead, TODAY, TODAY, "委托书").expect("delegates");
    tx.execute("DROP TABLE duty_held", &[]).expect("drops it");
    tx.commit().expect("commits");
    store.migrate(ankuan::schema::MIGRATIONS).expect("migrates");
    let mut tx = store.begin().expect("begins");
    access::require(&mut tx, &two, TODAY, Role::BureauHead).expect("stands in");
    access::grant(&mut tx, &admin, &two, Role::Cashier, TODAY + jiff::ToSpan::days(1), "任命").expect("the new role");
    let changed = "UPDATE role_event SET role = 'admin' WHERE court_id = $1";
    assert!(tx.execute(changed, &[COURT.into()]).is_err(), "still a fact");
    drop(tx);
    let facts = ankuan::schema::facts();
    for book in [ankuan::books::register(COURT), ankuan::books::case_money(COURT)] {
        let mut tx = store.snapshot().expect("reads");
        let report = ankuan_ledger::verify::verify(&mut tx, book, &facts, &[], &mut |_| ()).expect("verifies");
        assert_eq!(report.first_finding(), None);
    }
}

crate::on_both!(
    an_invitation_is_used_once_within_its_days,
    no_secret_is_stored,
    five_failures_lock_for_a_while,
    guesses_at_once_are_counted_as_well,
    a_code_counts_once,
    a_session_ends_when_idle_and_after_a_day,
    a_programs_key_is_for_what_it_says_until_its_day,
    a_changed_password_keeps_the_key_and_a_reset_ends_it,
    new_roles_stay_apart,
    names_are_taken_at_their_word_until_somebody_enrolled,
    an_older_court_keeps_its_roles,
);
