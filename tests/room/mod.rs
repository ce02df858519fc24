//! Rooms in a small world in memory, with real MLS and with the fake suite of the simulated world.

#![allow(clippy::print_stdout)] // what a hunt did, and the trace of a seed, are for a person to read

mod alike;
mod hunt;
mod story;
mod world;

/// Every story is told in both suites.
macro_rules! told_twice {
    ($($story:ident,)+) => {
        mod real {
            $(#[test] fn $story() { super::story::$story() })+
        }

        mod fake {
            $(#[test] fn $story() { tidings::crypto::fake::within(super::story::$story) })+
        }
    };
}

told_twice! {
    alice_and_bob_write_to_each_other,
    bob_opens_each_envelope_once_and_alice_knows_her_own,
    a_changed_envelope_is_no_content_and_does_no_harm,
    a_late_message_opens_in_the_epoch_it_was_sealed_in,
    a_message_of_an_epoch_that_is_gone_is_too_old,
    two_commits_at_once_leave_one_epoch_and_no_message_unread,
    what_a_lost_commit_was_for_is_done_anew,
    a_removal_goes_before_other_commits,
    who_is_out_cannot_read_on,
    only_admins_change_who_is_in,
    a_commit_by_someone_who_may_not_is_not_taken,
    a_forged_certificate_opens_no_door,
    a_direct_room_is_of_its_two_people_only,
    two_who_make_a_room_at_once_end_in_one,
    only_an_admin_can_put_another_group_in_the_place_of_the_room,
    notes_reach_the_other_devices_of_alice,
    alice_the_only_admin_who_lost_her_state_is_brought_back_by_anybody,
    bob_who_lost_his_state_is_added_again,
    bob_whose_keys_are_damaged_asks_by_himself,
    keys_are_renewed_when_they_are_old_and_the_room_is_quiet,
    a_key_package_is_handed_out_for_a_month_and_taken_for_three,
}
