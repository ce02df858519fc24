# Bahasa Indonesia.

chats-title = Obrolan
people-title = Orang
settings-title = Setelan
tabs = Bagian
list = Daftar
content = Isi
skip = Langsung ke isi
title-unread = ({ $count }) Tidings
offline = Node Anda tidak menjawab. Halaman ini mencoba lagi sendiri.
online = Terhubung sekarang
offline-held = Tidak terhubung sekarang
back = Kembali
close = Tutup
cancel = Batal
save = Simpan
saved = Tersimpan
next = Lanjut
copy = Salin
copied = Tersalin
share = Bagikan
you = Anda
nothing-chat = Pilih sesuatu dari daftar.

search = Cari
search-all = Cari obrolan dan pesan
search-room = Cari di obrolan ini
searching = Mencari…
search-none = Tidak ditemukan
search-none-more = Hanya pesan di perangkat ini yang dicari. Coba kata yang lebih sedikit atau lain.
search-most = { $count } yang terbaru
search-found = { $count ->
   *[other] { $count } pesan
}
chats-empty = Pesan teman-teman Anda akan ada di sini.
chat-empty = Belum ada pesan
notes = Catatan saya
notes-empty = Tulis sesuatu untuk diri sendiri
notes-long = Hanya Anda yang melihat ini
notes-first = Tulis apa yang ingin Anda simpan. Ini tetap pada Anda.
requests-waiting-for-you = { $count ->
   *[other] { $count } orang ingin menghubungi Anda
}
unread = { $count ->
   *[other] { $count } pesan baru
}
unread-divider = Pesan baru
missing = { $count ->
   *[other] { $count } pesan belum ada; sedang diminta dari yang lain.
}
gone = { $count ->
   *[other] { $count } pesan tidak dapat tiba lagi.
}

messages = Pesan
no-room = Obrolan ini tidak ada di sini
no-room-more = Mungkin milik akun lain.
room-empty = Sapa { $name }
room-empty-more = Hanya kalian berdua yang dapat membaca tulisan di sini. Anda boleh menulis sekarang, walau ia sedang tidak ada.
to-newest = Ke pesan terbaru
write = Pesan
write-to = Pesan untuk { $name }
send = Kirim
emoji = Emoji
replying = Balas { $name }
editing = Ubah pesan Anda
message-actions = Tindakan untuk pesan ini
message-recalled = Pesan ini ditarik kembali
message-later = Pesan ini butuh versi yang lebih baru. Disimpan sampai saat itu.
message-spoken = { $who }: { $text }. { $time } { $custody }
quote-missing = Pesannya belum ada di sini
show-all = Tampilkan semua
edited = diubah
late = tiba terlambat
late-long = Pesan yang lebih baru tiba lebih dulu
ahead = jam lebih cepat
ahead-long = Jam pengirim lebih cepat dari jam Anda
reply = Balas
edit = Ubah
recall = Tarik kembali
recall-sure = Tarik kembali pesan ini?
recall-what = Pesan hilang bagi semua orang begitu perangkat mereka tahu. Yang sudah membaca mungkin ingat.
reaction = { $emoji } dari { $names }
react-with = Tanggapi dengan { $emoji }
react-more = Tanggapan lain

custody-title = Di mana pesannya
custody-waiting = Menunggu di perangkat ini
custody-held = { $count ->
   *[other] Disimpan { $count } kotak surat sampai { $until }
}
custody-delivered = Tersampaikan
custody-read = Dibaca
custody-expired = Kedaluwarsa sebelum dibaca
custody-written = Ditulis, dan aman di perangkat ini
custody-holder = { $name } menyimpannya
custody-holder-relay = Sebuah relai menyimpannya
custody-holder-until = Tersegel, sampai { $until }
custody-waiting-long = Belum ada yang lain memilikinya. Biarkan node Anda berjalan sampai pesan disimpan atau tersampaikan.
custody-expired-long = Tidak ada lagi yang menyimpannya, dan belum dibaca.
custody-notes = Pesan ini tetap pada Anda.
custody-what = Yang menyimpan pesan untuk orang lain tidak dapat membacanya. Tiap langkah tampil hanya bila tanda terimanya sudah ada.
send-again = Kirim lagi

kind-photo = Foto
kind-voice = Pesan suara
kind-audio = Audio
kind-video = Video
kind-file = Berkas
fetching = Sedang menuju Anda
zoom-in = Perbesar
zoom-out = Perkecil
previous = Sebelumnya
place-of = { $at } dari { $all }
play = Putar
pause = Jeda
position = Posisi
speed = Kecepatan: { $speed }×
caption = Keterangan (opsional)
sending = Mengirim
attach = Kirim foto atau berkas
leave-out = Jangan kirim { $name }
camera = Ambil foto
camera-turn = Kamera lain
camera-denied = Kamera tidak bisa dipakai: izinkan untuk halaman ini.
record = Rekam pesan suara
recording = Merekam
record-stop = Berhenti dan dengarkan
record-discard = Buang
record-slide = Lepas untuk mendengarkan, geser untuk membuang
record-release = Lepas untuk membuang
record-denied = Mikrofon tidak bisa dipakai: izinkan untuk halaman ini.
level = Kerasnya suara
attach-title = { $count ->
   *[other] Kirim { $count } berkas
}

add-title = Tambah teman
people-none = Belum ada siapa-siapa
people-none-more = Teman bertemu lewat tautan, yang diberikan dengan cara apa pun.
requests-title = Permintaan
contacts = Kontak
contacts-asked = Sudah diminta
contacts-blocked = Diblokir dan ditolak
accept = Terima
decline = Tolak
block = Blokir
unblock = Buka blokir
verified = Terverifikasi
state-accepted = Kontak
state-requested = Menunggu jawabannya
state-requested-long = Belum dijawab; tulisan Anda menunggu di sini
state-pending = Ingin menghubungi Anda
state-declined = Ditolak
state-declined-long = Anda menolak orang ini.
state-blocked = Diblokir
state-blocked-long = Anda memblokir orang ini. Tidak ada darinya yang sampai kepada Anda.
since = sejak { $day }
no-person = Orang ini tidak ada di sini
write-message = Tulis pesan
called = Nama di sini
verify-title = Benarkah itu dia?
verify-words = Bandingkan kata-kata ini dengan { $name }, bersebelahan atau lewat telepon. Bila keduanya sama, tidak ada siapa pun di antara kalian.
verify-agree = Kata-katanya sama
verify-undo = Batalkan verifikasi
hold-title = Surat Anda padanya
hold-words = Node { $name } dapat menyimpan pesan untuk Anda saat Anda pergi, tanpa bisa membacanya.
hold-ask = Minta ia menyimpan surat saya
hold-asked = Meminta kepada { $name }…
hold-confirmed = { $name } kini menyimpan surat Anda
block-sure = Blokir { $name }?
block-words = { $name } lalu tidak bisa menghubungi Anda, dan tidak diberi tahu. Yang Anda punya tetap ada.
invite-title = Undangan Anda
invite-words = Buat tautan dan berikan kepada teman. Dengan itu ia menjadi kontak Anda.
invite-make = Buat undangan
invite-another = Satu lagi
invite-link = Tautannya
invite-qr = Tautan sebagai kode QR
invite-once = Berlaku untuk satu teman dan beberapa hari. Berikan hanya kepada yang dituju.
use-title = Pakai undangan teman
use-link = Tautannya
scan = Pindai kode
scan-words = Arahkan kamera ke kode mereka.
scan-other = Kode ini bukan undangan.
use-greeting = Beberapa kata (opsional)
use-go = Minta menjadi kontak
use-asked = Permintaan dikirim kepada { $name }

welcome-title = Selamat datang di Tidings
welcome-lead = Pesan Anda langsung menuju teman-teman Anda. Tidak ada perusahaan di tengahnya.
welcome-name = Nama Anda
welcome-name-more = Kontak Anda melihatnya. Anda bisa mengubahnya kapan saja.
welcome-hello = Halo, { $name }
welcome-what-now = Ingin mulai dari mana?
welcome-invite = Undang teman
welcome-invite-more = Dengan tautan atau kode QR
welcome-notes = Tulis untuk diri sendiri
welcome-notes-more = Catatan Anda langsung bisa dipakai
welcome-phrase = Catat kata pemulihan Anda
welcome-phrase-more = Kata-kata itu mengembalikan akun Anda
restore = Saya punya salinan akun
restore-words = Pilih berkas dan masukkan frasa sandinya. Setelah itu, jangan jalankan lagi node asalnya.
restore-file = Salinan
restore-go = Kembalikan
restore-rows = Membaca… { $rows }
restore-done = Semua sudah ada. Node Anda dimulai lagi…
locked-title = Buka Tidings Anda
locked-words = Peramban ini belum mengenal Anda. Node Anda menampilkan alamat saat mulai; buka alamat itu, atau tempel di sini.
locked-address = Alamat dari node Anda
locked-open = Buka
stopped-title = Node Anda sedang istirahat
stopped-words = Tidak ada yang hilang. Jalankan lagi, lalu kembali ke sini.
stopped-again = Coba lagi

set-profile = Profil
set-look = Bahasa dan tampilan
set-notify = Pemberitahuan
set-mail = Siapa menyimpan surat saya
set-space = Penyimpanan
set-backup = Pemulihan dan cadangan
set-devices = Perangkat
set-health = Bagaimana node saya?
no-page = Tidak ada halaman itu
account = Akun Anda
account-words = Inilah Anda bagi node lain. Ini bukan rahasia, dan tidak mengatakan apa pun tentang Anda.
language = Bahasa
language-browser = Seperti peramban
theme = Tema
theme-system = Seperti sistem
theme-light = Terang
theme-dark = Gelap
size = Ukuran teks
size-normal = Biasa
size-large = Besar
size-huge = Sangat besar
notify-none = Peramban ini tidak punya pemberitahuan
notify-on = Beri tahu saya pesan baru
notify-show = Tampilkan isinya
notify-words = Muncul selama halaman ini terbuka di latar.
notify-new = Pesan baru
notify-denied = Peramban melarangnya: izinkan pemberitahuan untuk halaman ini di setelannya.
mail-title = Kotak surat
mail-words = Saat Anda pergi, node ini menyimpan pesan Anda yang tersegel. Dua lebih aman dari satu.
mail-none = Tidak ada yang menyimpan pesan Anda saat Anda pergi.
mail-friends = Minta teman
mail-friends-words = Teman yang nodenya sering menyala adalah kotak surat yang baik.
mail-relay = Gabung relai
mail-relay-words = Relai menyimpan surat banyak orang. Pemiliknya memberi Anda tautan.
mail-relay-link = Tautan relai
mail-join = Gabung
mail-asking = Meminta…
mail-leave = Tinggalkan
mail-leave-sure = Tinggalkan { $name }?
mail-leave-words = Ia tidak lagi menyimpan pesan Anda. Kontak Anda diberi tahu ke mana mengirim.
mail-confirmed = Menyimpan hingga { $bytes } selama { $days ->
   *[other] { $days } hari
}
mail-refused = Tidak menyimpan surat Anda
mail-asked = Sudah diminta; belum dijawab
relay = Relai
phrase-title = Kata pemulihan
phrase-words = 24 kata ini mengembalikan akun Anda di perangkat baru. Siapa yang memilikinya adalah Anda: tulis di kertas, dan jangan tunjukkan kepada siapa pun.
phrase-alone = Tidak ada yang bisa melihat layar saya
phrase-show = Tampilkan kata-katanya
phrase-hide = Sembunyikan
space-total = Foto, video, suara, dan berkas: { $bytes }
space-held = { $bytes } di antaranya tersegel, disimpan untuk teman.
space-rooms = Per obrolan
comes-title = Yang datang sendiri
comes-words = Yang lebih besar menunggu sampai Anda membukanya.
comes-never = Tidak ada
comes-upto = Sampai { $bytes }
comes-all = Semua
comes-else = Seperti di obrolan lain
clear = Kosongkan ruang
clear-words = Foto, video, suara, dan berkas obrolan ini dihapus dari perangkat ini. Semuanya hanya bisa kembali selama ada yang memilikinya.
clear-done = { $bytes } kosong lagi
device-this = Perangkat ini
device-words = Akun Anda hanya ada di perangkat ini; beberapa sekaligus belum bisa. Untuk pindah, kembalikan di perangkat baru, dan jangan jalankan yang ini lagi.
archive-title = Simpan salinan
archive-words = Akun dan semua pesan Anda dalam satu berkas, tersegel dengan frasa sandi pilihan Anda. Foto, video, dan berkas tidak termasuk: tidings export menyimpannya juga.
archive-pass = Frasa sandi
archive-pass-again = Frasa sandi lagi
archive-go = Buat salinan
archive-differ = Keduanya tidak sama.
archive-busy = Menulis dan memeriksa…
archive-done = Selesai: { $bytes }
import-title = Kembalikan salinan
import-words = Salinan dikembalikan ke tempat baru, saat tidak ada node berjalan di sana:
passphrase-title = Lindungi perangkat ini
passphrase-words = Dengan frasa sandi tidak ada yang bisa membuka pesan Anda dari disk. Hentikan node, lalu:
health-good = Semua baik
health-better = Beberapa hal bisa lebih baik
health-ok = Baik:
health-ill = Perhatikan ini:
health-again = Periksa lagi
fact-connected = Node terhubung
fact-waiting = Pesan hanya di perangkat ini
fact-held = Pesan di kotak surat
fact-disk = Ruang terpakai
fact-version = Versi

doctor-disk-full = Disk hampir penuh. Tidak ada yang baru diterima; tidak ada yang hilang.
doctor-disk-full-do = Kosongkan ruang: setelah itu pesan diterima lagi dengan sendirinya.
doctor-disk-well = Ada ruang untuk pesan baru.
doctor-database-damaged = Pesan tersimpan sempat rusak, dan salinannya dikembalikan.
doctor-database-damaged-do = Lihat apakah ada pesan yang kurang; teman mengirim lagi yang mereka punya. Periksa disk perangkat ini.
doctor-database-keys = Kunci obrolan Anda tidak terbaca; pesannya utuh.
doctor-database-keys-do = Tidak perlu apa-apa: kontak Anda menambahkan perangkat ini lagi saat daring.
doctor-database-well = Pesan tersimpan utuh.
doctor-network-alone = Tidak ada node lain terhubung.
doctor-network-alone-do = Periksa jaringan perangkat ini. Bila belum punya kontak, mulailah dengan undangan.
doctor-network-well = { $count ->
   *[other] { $count } node terhubung.
}
doctor-addresses-well = Perangkat lain dapat mencoba menjangkau Anda.
doctor-addresses-local = Hanya program di perangkat ini yang dapat menjangkau node Anda.
doctor-addresses-local-do = Jalankan tanpa alamat --listen yang khusus perangkat ini.
doctor-mailboxes-refused = Sebuah kotak surat tidak lagi menyimpan surat Anda.
doctor-mailboxes-refused-do = Tinggalkan, dan pilih yang lain.
doctor-mailboxes-none = { mail-none }
doctor-mailboxes-none-do = Minta teman, atau gabung relai.
doctor-mailboxes-one = Satu kotak surat menyimpan pesan Anda saat Anda pergi.
doctor-mailboxes-one-do = Dua membuatnya aman bila satu hilang.
doctor-mailboxes-well = { $count ->
   *[other] { $count } kotak surat menyimpan pesan Anda saat Anda pergi.
}
doctor-outbox-well = Tidak ada pesan yang hanya menunggu di sini.
doctor-outbox-waiting = { $count ->
   *[other] { $count } pesan sejauh ini hanya di perangkat ini.
}
doctor-outbox-waiting-do = Biarkan node berjalan sampai pesan disimpan atau tersampaikan.
doctor-messages-well = Tidak ada pesan yang kurang.
doctor-messages-missing = { $count ->
   *[other] { $count } pesan kurang dan sedang diminta.
}
doctor-messages-missing-do = Tetap daring sampai yang memilikinya juga daring.
doctor-clock-well = Jam sesuai dengan yang lain, sejauh diketahui.
doctor-clock-ahead = { $count ->
   *[other] Jam perangkat ini lebih cepat { $count } menit.
}
doctor-clock-ahead-do = Setel jamnya. Sementara itu tidak ada yang hilang.
doctor-clock-behind = { $count ->
   *[other] Jam perangkat ini lebih lambat { $count } menit.
}
doctor-clock-behind-do = { doctor-clock-ahead-do }
doctor-requests-well = Tidak ada yang menunggu jawaban Anda.
doctor-requests-waiting = { $count ->
   *[other] { $count } orang menunggu jawaban Anda.
}
doctor-requests-waiting-do = Lihat di Orang.

error-unreachable = Node Anda tidak menjawab. Lihat apakah ia berjalan.
error-token = Alamat ini tidak berlaku lagi. Pakai yang ditampilkan node Anda saat terakhir mulai.
error-link = Ini bukan tautan yang baik, atau milik Anda sendiri. Minta yang baru.
error-expired = Undangan ini sudah lewat. Minta yang baru.
error-no-contact = Tidak ada kontak itu.
error-no-room = Tidak ada obrolan itu.
error-no-message = Pesan itu tidak ada di sini.
error-blocked = Anda memblokir atau menolak orang ini. Buka blokirnya dulu.
error-empty = Tidak ada yang dikirim.
error-archive = Ini bukan salinan utuh, atau frasa sandinya salah.
error-not-new = Di sini sudah ada isi. Kembalikan di tempat baru: tidings import
error-protected = Node ini dilindungi frasa sandi. Pakai tidings import
error-too-long = Ini terlalu panjang. Kirim sebagian-sebagian.
error-too-many = Sudah terlalu banyak.
error-disk-full = Disk penuh. Kosongkan ruang dulu.
error-no-answer = Belum ada jawaban. Node Anda terus meminta.
error-refused = Surat Anda tidak disimpan di sana.
error-store = Disk tidak bekerja. Lihat “Bagaimana node saya?”.
error-stopping = Node Anda sedang berhenti.
error-internal = Tidak berhasil. Log node menjelaskan lebih banyak.
