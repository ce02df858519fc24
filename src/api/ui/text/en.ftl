# What the app says, in English. Every catalogue has the same sentences with the same values.

chats-title = Chats
people-title = People
settings-title = Settings
tabs = Sections
list = List
content = Content
skip = Skip to the content
title-unread = ({ $count }) Tidings
offline = Your node does not answer. This page tries again by itself.
online = Connected now
offline-held = Not connected now
back = Back
close = Close
cancel = Cancel
save = Save
saved = Saved
next = Next
copy = Copy
copied = Copied
share = Share
you = You
nothing-chat = Choose something from the list.

search = Search
search-all = Search chats and messages
search-room = Search in this chat
searching = Searching…
search-none = Nothing found
search-none-more = Only messages that are on this device are searched. Try fewer or other words.
search-most = The { $count } newest
search-found = { $count ->
    [one] { $count } message
   *[other] { $count } messages
}
chats-empty = Your friends’ messages will be here.
chat-empty = No messages yet
notes = My notes
notes-empty = Write something to yourself
notes-long = Only you see this
notes-first = Write down what you want to keep. It stays with you.
requests-waiting-for-you = { $count ->
    [one] { $count } person would like to reach you
   *[other] { $count } people would like to reach you
}
unread = { $count ->
    [one] { $count } new message
   *[other] { $count } new messages
}
unread-divider = New messages
missing = { $count ->
    [one] { $count } message is missing; others are being asked for it.
   *[other] { $count } messages are missing; others are being asked for them.
}
gone = { $count ->
    [one] { $count } message can no longer arrive.
   *[other] { $count } messages can no longer arrive.
}

messages = Messages
no-room = This chat is not here
no-room-more = It may belong to another account.
room-empty = Say hello to { $name }
room-empty-more = Only the two of you can read what you write here. You may write now, even while they are away.
to-newest = To the newest messages
write = Message
write-to = Message to { $name }
send = Send
emoji = Emoji
replying = Reply to { $name }
editing = Change your message
message-actions = What to do with this message
message-recalled = This message was taken back
message-later = This message needs a newer version. It is kept until then.
message-spoken = { $who }: { $text }. { $time } { $custody }
quote-missing = The message is not here yet
show-all = Show all
edited = changed
late = came late
late-long = Later messages were here before it
ahead = clock ahead
ahead-long = The sender’s clock is ahead of yours
reply = Reply
edit = Change
recall = Take back
recall-sure = Take this message back?
recall-what = It disappears for everyone once their devices hear of it. Who has read it may remember.
reaction = { $emoji } from { $names }
react-with = React with { $emoji }
react-more = More reactions

custody-title = Where it is
custody-waiting = Waiting on this device
custody-held = { $count ->
    [one] Held by { $count } mailbox until { $until }
   *[other] Held by { $count } mailboxes until { $until }
}
custody-delivered = Delivered
custody-read = Read
custody-expired = Expired unread
custody-written = Written, and safe on this device
custody-holder = { $name } holds it
custody-holder-relay = A relay holds it
custody-holder-until = Sealed, until { $until }
custody-waiting-long = Nobody else has it yet. Keep your node running until it is held or delivered.
custody-expired-long = Nobody holds it any more, and it was not read.
custody-notes = This message stays with you.
custody-what = Who holds a message for somebody cannot read it. Each step is shown only when its receipt is here.
send-again = Send again

kind-photo = Photo
kind-voice = Voice note
kind-audio = Sound
kind-video = Video
kind-file = File
fetching = On its way to you
zoom-in = Closer
zoom-out = Farther away
previous = Previous
place-of = { $at } of { $all }
play = Play
pause = Pause
position = Position
speed = Speed: { $speed }×
caption = Caption (optional)
sending = Sending
attach = Send photos or files
leave-out = Leave out { $name }
camera = Take a photo
camera-turn = Other camera
camera-denied = The camera cannot be used: allow it for this page.
record = Record a voice note
recording = Recording
record-stop = Stop and listen
record-discard = Throw away
record-slide = Let go to listen, slide away to throw away
record-release = Let go to throw it away
record-denied = The microphone cannot be used: allow it for this page.
level = How loud it is
attach-title = { $count ->
    [one] Send { $count } file
   *[other] Send { $count } files
}

add-title = Add a friend
people-none = Nobody here yet
people-none-more = Friends meet by a link, which they give each other in any way they like.
requests-title = Requests
contacts = Contacts
contacts-asked = Asked
contacts-blocked = Blocked and declined
accept = Accept
decline = Decline
block = Block
unblock = Unblock
verified = Verified
state-accepted = Contact
state-requested = Waiting for their answer
state-requested-long = Not answered yet; what you write waits here
state-pending = Would like to reach you
state-declined = Declined
state-declined-long = You declined this person.
state-blocked = Blocked
state-blocked-long = You blocked this person. Nothing from them reaches you.
since = since { $day }
no-person = This person is not here
write-message = Write a message
called = Your name for them
verify-title = Is it really them?
verify-words = Compare these words with { $name }, side by side or in a call. When both see the same, nobody stands between you.
verify-agree = The words agree
verify-undo = Not verified after all
hold-title = Your mail with them
hold-words = { $name }’s node can hold messages for you while you are away, without being able to read them.
hold-ask = Ask them to hold my mail
hold-asked = Asking { $name }…
hold-confirmed = { $name } holds your mail now
block-sure = Block { $name }?
block-words = { $name } can then no longer reach you, and is not told so. What you have stays.
invite-title = Your invitation
invite-words = Make a link and give it to a friend. With it they become your contact.
invite-make = Make an invitation
invite-another = Another one
invite-link = The link
invite-qr = The link as a QR code
invite-once = It is good for one friend and for a few days. Give it only to whom it is for.
use-title = Use a friend’s invitation
use-link = Their link
scan = Scan a code
scan-words = Hold their code before the camera.
scan-other = This code is not an invitation.
use-greeting = A few words (optional)
use-go = Ask to be contacts
use-asked = { $name } is asked

welcome-title = Welcome to Tidings
welcome-lead = Your messages go from you to your friends. No company stands in the middle.
welcome-name = Your name
welcome-name-more = Your contacts see it. You can change it at any time.
welcome-hello = Hello, { $name }
welcome-what-now = Where would you like to begin?
welcome-invite = Invite a friend
welcome-invite-more = With a link or a QR code
welcome-notes = Write to yourself
welcome-notes-more = Your notes work at once
welcome-phrase = Write down your recovery words
welcome-phrase-more = They bring your account back
restore = I have a copy of my account
restore-words = Choose the file and give its passphrase. Then never start the node again that it came from.
restore-file = The copy
restore-go = Bring it back
restore-rows = Reading… { $rows }
restore-done = It is all here. Your node starts anew…
locked-title = Open your Tidings
locked-words = This browser does not yet know you. Your node prints an address when it starts; open that address, or paste it here.
locked-address = Address from your node
locked-open = Open
stopped-title = Your node is resting
stopped-words = Nothing is lost. Start it again, then come back here.
stopped-again = Try again

set-profile = Profile
set-look = Language and look
set-notify = Notifications
set-mail = Who keeps my mail
set-space = Storage
set-backup = Recovery and backup
set-devices = Devices
set-health = How is my node?
no-page = There is no such page
account = Your account
account-words = This is you to other nodes. It is not secret, and it says nothing about you.
language = Language
language-browser = As the browser has it
theme = Theme
theme-system = As the system has it
theme-light = Light
theme-dark = Dark
size = Text size
size-normal = Normal
size-large = Large
size-huge = Very large
notify-none = This browser has no notifications
notify-on = Tell me of new messages
notify-show = Show what they say
notify-words = They come while this page is open in the background.
notify-new = New message
notify-denied = The browser forbids it: allow notifications for this page in its settings.
mail-title = Mailboxes
mail-words = While you are away, these nodes hold your sealed messages. Two are safer than one.
mail-none = Nobody holds your messages while you are away.
mail-friends = Ask a friend
mail-friends-words = A friend whose node is often on is a good mailbox.
mail-relay = Join a relay
mail-relay-words = A relay holds mail for many people. Its owner gives you a link.
mail-relay-link = Link of the relay
mail-join = Join
mail-asking = Asking…
mail-leave = Leave
mail-leave-sure = Leave { $name }?
mail-leave-words = It no longer holds your messages. Your contacts are told where to send instead.
mail-confirmed = Holds up to { $bytes } for { $days ->
    [one] { $days } day
   *[other] { $days } days
}
mail-refused = Does not hold your mail
mail-asked = Asked; no answer yet
relay = Relay
phrase-title = Recovery words
phrase-words = These 24 words bring your account back on a new device. Whoever has them is you: write them on paper, and show them to nobody.
phrase-alone = Nobody can see my screen
phrase-show = Show the words
phrase-hide = Hide them
space-total = Photos, videos, sound and files: { $bytes }
space-held = { $bytes } of it is sealed, and held for friends.
space-rooms = By chat
comes-title = What comes by itself
comes-words = What is larger waits until you open it.
comes-never = Nothing
comes-upto = Up to { $bytes }
comes-all = Everything
comes-else = As in other chats
clear = Make room
clear-words = Photos, videos, sound and files of this chat leave this device. They come back only while somebody has them.
clear-done = { $bytes } are free again
device-this = This device
device-words = Your account is on this device alone; several at once are not possible yet. To move it, bring it back on the new one, and do not start this one again.
archive-title = Keep a copy
archive-words = Your account and all messages in one file, sealed under a passphrase of your choice. Photos, videos and files are not in it: tidings export keeps them too.
archive-pass = Passphrase
archive-pass-again = Passphrase again
archive-go = Make the copy
archive-differ = The two are not the same.
archive-busy = Writing and checking…
archive-done = Done: { $bytes }
import-title = Bring a copy back
import-words = A copy is brought into a new place, while no node runs there:
passphrase-title = Protect this device
passphrase-words = With a passphrase nobody can open your messages from the disk. Stop the node, then:
health-good = All is well
health-better = Some things could be better
health-ok = Well:
health-ill = Look at this:
health-again = Look again
fact-connected = Connected nodes
fact-waiting = Messages only on this device
fact-held = Messages in mailboxes
fact-disk = Space used
fact-version = Version

doctor-disk-full = The disk is almost full. Nothing new is accepted; nothing is lost.
doctor-disk-full-do = Free some space: then messages are accepted again by themselves.
doctor-disk-well = There is room for new messages.
doctor-database-damaged = The stored messages were damaged, and a copy was brought back.
doctor-database-damaged-do = Look whether messages are missing; friends send again what they have. Check this device’s disk.
doctor-database-keys = The keys of your chats could not be read; the messages are whole.
doctor-database-keys-do = Nothing to do: your contacts add this device again when they are online.
doctor-database-well = The stored messages are whole.
doctor-network-alone = No other node is connected.
doctor-network-alone-do = Check this device’s network. Without contacts yet, begin with an invitation.
doctor-network-well = { $count ->
    [one] { $count } node is connected.
   *[other] { $count } nodes are connected.
}
doctor-addresses-well = Other devices can try to reach you.
doctor-addresses-local = Only programs on this device can reach your node.
doctor-addresses-local-do = Start it without a --listen address of this device alone.
doctor-mailboxes-refused = A mailbox no longer holds your mail.
doctor-mailboxes-refused-do = Leave it, and choose another one.
doctor-mailboxes-none = { mail-none }
doctor-mailboxes-none-do = Ask a friend, or join a relay.
doctor-mailboxes-one = One mailbox holds your messages while you are away.
doctor-mailboxes-one-do = Two keep them safe when one is lost.
doctor-mailboxes-well = { $count ->
    [one] { $count } mailbox holds your messages while you are away.
   *[other] { $count } mailboxes hold your messages while you are away.
}
doctor-outbox-well = No message waits only here.
doctor-outbox-waiting = { $count ->
    [one] { $count } message is only on this device so far.
   *[other] { $count } messages are only on this device so far.
}
doctor-outbox-waiting-do = Keep the node running until they are held or delivered.
doctor-messages-well = No message is missing.
doctor-messages-missing = { $count ->
    [one] { $count } message is missing and being asked for.
   *[other] { $count } messages are missing and being asked for.
}
doctor-messages-missing-do = Stay online until somebody who has them is online too.
doctor-clock-well = The clock agrees with others, as far as is known.
doctor-clock-ahead = { $count ->
    [one] The clock of this device is { $count } minute ahead of others.
   *[other] The clock of this device is { $count } minutes ahead of others.
}
doctor-clock-ahead-do = Set the clock. Nothing is lost meanwhile.
doctor-clock-behind = { $count ->
    [one] The clock of this device is { $count } minute behind others.
   *[other] The clock of this device is { $count } minutes behind others.
}
doctor-clock-behind-do = { doctor-clock-ahead-do }
doctor-requests-well = Nobody waits for your answer.
doctor-requests-waiting = { $count ->
    [one] { $count } person waits for your answer.
   *[other] { $count } people wait for your answer.
}
doctor-requests-waiting-do = Look under People.

error-unreachable = Your node does not answer. Look whether it is running.
error-token = This address is no longer good. Take the one your node printed at its last start.
error-link = This is not a good link, or it is your own. Ask for a new one.
error-expired = This invitation is over. Ask for a new one.
error-no-contact = There is no such contact.
error-no-room = There is no such chat.
error-no-message = There is no such message here.
error-blocked = You blocked or declined this person. Unblock them first.
error-empty = There is nothing to send.
error-archive = This is not a whole copy, or not its passphrase.
error-not-new = There is something here already. Bring the copy back in a new place: tidings import
error-protected = This node is under a passphrase. Use tidings import
error-too-long = This is too long. Send it in parts.
error-too-many = There are too many already.
error-disk-full = The disk is full. Free some space first.
error-no-answer = There is no answer yet. Your node goes on asking.
error-refused = Your mail is not held there.
error-store = The disk did not do its work. Look at “How is my node?”.
error-stopping = Your node is stopping.
error-internal = That did not work. The node’s log says more.
