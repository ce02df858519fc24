# العربية.

chats-title = المحادثات
people-title = الأشخاص
settings-title = الإعدادات
tabs = الأقسام
list = القائمة
content = المحتوى
skip = الانتقال إلى المحتوى
title-unread = ({ $count }) Tidings
offline = عقدتك لا تجيب. تحاول هذه الصفحة مجددًا من تلقاء نفسها.
online = متصل الآن
offline-held = غير متصل الآن
back = رجوع
close = إغلاق
cancel = إلغاء
save = حفظ
saved = تم الحفظ
next = التالي
copy = نسخ
copied = تم النسخ
share = مشاركة
you = أنت
nothing-chat = اختر شيئًا من القائمة.

search = بحث
search-all = البحث في المحادثات والرسائل
search-room = البحث في هذه المحادثة
searching = جارٍ البحث…
search-none = لم يُعثر على شيء
search-none-more = يجري البحث في الرسائل الموجودة على هذا الجهاز فقط. جرّب كلمات أقل أو غيرها.
search-most = أحدث { $count }
search-found = { $count ->
    [zero] لا رسائل
    [one] رسالة واحدة
    [two] رسالتان
    [few] { $count } رسائل
    [many] { $count } رسالة
   *[other] { $count } رسالة
}
chats-empty = ستظهر رسائل أصدقائك هنا.
chat-empty = لا رسائل بعد
notes = ملاحظاتي
notes-empty = اكتب شيئًا لنفسك
notes-long = لا يراها سواك
notes-first = دوّن ما تريد الاحتفاظ به. يبقى عندك.
requests-waiting-for-you = { $count ->
    [zero] لا أحد يريد التواصل معك
    [one] شخص واحد يريد التواصل معك
    [two] شخصان يريدان التواصل معك
    [few] { $count } أشخاص يريدون التواصل معك
    [many] { $count } شخصًا يريدون التواصل معك
   *[other] { $count } شخص يريدون التواصل معك
}
unread = { $count ->
    [zero] لا رسائل جديدة
    [one] رسالة جديدة واحدة
    [two] رسالتان جديدتان
    [few] { $count } رسائل جديدة
    [many] { $count } رسالة جديدة
   *[other] { $count } رسالة جديدة
}
unread-divider = رسائل جديدة
missing = { $count ->
    [zero] لا تنقص أي رسالة.
    [one] تنقص رسالة واحدة، ويجري طلبها من الآخرين.
    [two] تنقص رسالتان، ويجري طلبهما من الآخرين.
    [few] تنقص { $count } رسائل، ويجري طلبها من الآخرين.
    [many] تنقص { $count } رسالة، ويجري طلبها من الآخرين.
   *[other] تنقص { $count } رسالة، ويجري طلبها من الآخرين.
}
gone = { $count ->
    [zero] لم تُفقد أي رسالة.
    [one] لم يعد بإمكان رسالة واحدة الوصول.
    [two] لم يعد بإمكان رسالتين الوصول.
    [few] لم يعد بإمكان { $count } رسائل الوصول.
    [many] لم يعد بإمكان { $count } رسالة الوصول.
   *[other] لم يعد بإمكان { $count } رسالة الوصول.
}

messages = الرسائل
no-room = هذه المحادثة ليست هنا
no-room-more = ربما تعود إلى حساب آخر.
room-empty = ألقِ التحية على { $name }
room-empty-more = لا يستطيع قراءة ما تكتبه هنا سواكما. يمكنك الكتابة الآن حتى في غياب الطرف الآخر.
to-newest = إلى أحدث الرسائل
write = رسالة
write-to = رسالة إلى { $name }
send = إرسال
emoji = رموز تعبيرية
replying = رد على { $name }
editing = عدّل رسالتك
message-actions = إجراءات هذه الرسالة
message-recalled = سُحبت هذه الرسالة
message-later = تحتاج هذه الرسالة إلى إصدار أحدث. تبقى محفوظة حتى ذلك الحين.
message-spoken = { $who }: { $text }. { $time } { $custody }
quote-missing = لم تصل الرسالة بعد
show-all = عرض الكل
edited = معدّلة
late = وصلت متأخرة
late-long = وصلت قبلها رسائل أحدث منها
ahead = ساعة متقدمة
ahead-long = ساعة المرسل متقدمة على ساعتك
reply = رد
edit = تعديل
recall = سحب
recall-sure = سحب هذه الرسالة؟
recall-what = تختفي لدى الجميع حالما تعلم أجهزتهم. ومن قرأها قد يتذكرها.
reaction = { $emoji } من { $names }
react-with = تفاعل بـ { $emoji }
react-more = تفاعلات أخرى

custody-title = أين هي
custody-waiting = تنتظر على هذا الجهاز
custody-held = { $count ->
    [zero] لا يحفظها أي صندوق بريد
    [one] يحفظها صندوق بريد واحد حتى { $until }
    [two] يحفظها صندوقا بريد حتى { $until }
    [few] تحفظها { $count } صناديق بريد حتى { $until }
    [many] يحفظها { $count } صندوق بريد حتى { $until }
   *[other] يحفظها { $count } صندوق بريد حتى { $until }
}
custody-delivered = سُلّمت
custody-read = قُرئت
custody-expired = انتهت دون أن تُقرأ
custody-written = كُتبت وهي آمنة على هذا الجهاز
custody-holder = يحفظها { $name }
custody-holder-relay = يحفظها مُرحّل
custody-holder-until = مختومة حتى { $until }
custody-waiting-long = ليست عند أحد سواك بعد. اترك عقدتك تعمل حتى تُحفظ أو تُسلَّم.
custody-expired-long = لم يعد أحد يحفظها، ولم تُقرأ.
custody-notes = تبقى هذه الرسالة عندك.
custody-what = من يحفظ رسالة لغيره لا يستطيع قراءتها. ولا تظهر أي خطوة إلا بعد وصول إيصالها.
send-again = إرسال مجددًا

kind-photo = صورة
kind-voice = رسالة صوتية
kind-audio = صوت
kind-video = فيديو
kind-file = ملف
fetching = في الطريق إليك
zoom-in = تكبير
zoom-out = تصغير
previous = السابق
place-of = { $at } من { $all }
play = تشغيل
pause = إيقاف مؤقت
position = الموضع
speed = السرعة: { $speed }×
caption = تعليق (اختياري)
sending = جارٍ الإرسال
attach = إرسال صور أو ملفات
leave-out = استبعاد { $name }
camera = التقاط صورة
camera-turn = كاميرا أخرى
camera-denied = تعذر استخدام الكاميرا: اسمح بها لهذه الصفحة.
record = تسجيل رسالة صوتية
recording = جارٍ التسجيل
record-stop = إيقاف واستماع
record-discard = تجاهل
record-slide = ارفع إصبعك للاستماع، أو اسحب للتجاهل
record-release = ارفع إصبعك للتجاهل
record-denied = تعذر استخدام الميكروفون: اسمح به لهذه الصفحة.
level = شدة الصوت
attach-title = { $count ->
    [zero] لا ملفات
    [one] إرسال ملف واحد
    [two] إرسال ملفين
    [few] إرسال { $count } ملفات
    [many] إرسال { $count } ملفًا
   *[other] إرسال { $count } ملف
}

add-title = إضافة صديق
people-none = لا أحد هنا بعد
people-none-more = يلتقي الأصدقاء عبر رابط يتبادلونه بأي طريقة يحبونها.
requests-title = الطلبات
contacts = جهات الاتصال
contacts-asked = طلبات مرسلة
contacts-blocked = محظورون ومرفوضون
accept = قبول
decline = رفض
block = حظر
unblock = إلغاء الحظر
verified = تم التحقق
state-accepted = جهة اتصال
state-requested = بانتظار الرد
state-requested-long = لم يصل رد بعد، وما تكتبه ينتظر هنا
state-pending = يريد التواصل معك
state-declined = مرفوض
state-declined-long = رفضت هذا الشخص.
state-blocked = محظور
state-blocked-long = حظرت هذا الشخص. لا يصلك منه شيء.
since = منذ { $day }
no-person = هذا الشخص ليس هنا
write-message = كتابة رسالة
called = الاسم لديك
verify-title = هل هو حقًا؟
verify-words = قارن هذه الكلمات مع { $name } وجهًا لوجه أو في مكالمة. إن كانت متطابقة عندكما فلا أحد بينكما.
verify-agree = الكلمات متطابقة
verify-undo = إلغاء التحقق
hold-title = بريدك لديه
hold-words = تستطيع عقدة { $name } حفظ رسائلك في غيابك دون أن تقدر على قراءتها.
hold-ask = طلب حفظ بريدي
hold-asked = جارٍ سؤال { $name }…
hold-confirmed = { $name } يحفظ بريدك الآن
block-sure = حظر { $name }؟
block-words = لن يستطيع { $name } التواصل معك بعدها، ولن يُبلَّغ بذلك. وما لديك يبقى.
invite-title = دعوتك
invite-words = أنشئ رابطًا وأعطه لصديق، فيصبح به من جهات اتصالك.
invite-make = إنشاء دعوة
invite-another = دعوة أخرى
invite-link = الرابط
invite-qr = الرابط على شكل رمز QR
invite-once = تصلح لصديق واحد ولأيام قليلة. لا تعطها إلا لصاحبها.
use-title = استخدام دعوة صديق
use-link = رابطه
scan = مسح رمز
scan-words = ضع رمزه أمام الكاميرا.
scan-other = هذا الرمز ليس دعوة.
use-greeting = بضع كلمات (اختياري)
use-go = طلب التواصل
use-asked = أُرسل الطلب إلى { $name }

welcome-title = أهلًا بك في Tidings
welcome-lead = تذهب رسائلك منك إلى أصدقائك، ولا شركة في الوسط.
welcome-name = اسمك
welcome-name-more = تراه جهات اتصالك، ويمكنك تغييره متى شئت.
welcome-hello = مرحبًا، { $name }
welcome-what-now = من أين تود أن تبدأ؟
welcome-invite = دعوة صديق
welcome-invite-more = برابط أو رمز QR
welcome-notes = اكتب لنفسك
welcome-notes-more = ملاحظاتك جاهزة فورًا
welcome-phrase = دوّن كلمات الاسترداد
welcome-phrase-more = تعيد إليك حسابك
restore = لدي نسخة من حسابي
restore-words = اختر الملف وأدخل عبارة مروره. ثم لا تشغّل العقدة التي جاء منها مجددًا.
restore-file = النسخة
restore-go = استعادة
restore-rows = جارٍ القراءة… { $rows }
restore-done = كل شيء هنا. تبدأ عقدتك من جديد…
locked-title = افتح Tidings
locked-words = هذا المتصفح لا يعرفك بعد. تعرض عقدتك عنوانًا عند بدء تشغيلها، فافتحه أو الصقه هنا.
locked-address = العنوان من عقدتك
locked-open = فتح
stopped-title = عقدتك متوقفة
stopped-words = لم يُفقد شيء. شغّلها مجددًا ثم عد إلى هنا.
stopped-again = المحاولة مجددًا

set-profile = الملف الشخصي
set-look = اللغة والمظهر
set-notify = الإشعارات
set-mail = من يحفظ بريدي
set-space = التخزين
set-backup = الاسترداد والنسخ
set-devices = الأجهزة
set-health = كيف حال عقدتي؟
no-page = لا توجد صفحة كهذه
account = حسابك
account-words = هكذا تعرفك العقد الأخرى. ليس سرًا ولا يكشف عنك شيئًا.
language = اللغة
language-browser = لغة المتصفح
theme = السمة
theme-system = سمة النظام
theme-light = فاتحة
theme-dark = داكنة
size = حجم النص
size-normal = عادي
size-large = كبير
size-huge = كبير جدًا
notify-none = لا إشعارات في هذا المتصفح
notify-on = أعلمني بالرسائل الجديدة
notify-show = إظهار نصها
notify-words = تصل ما دامت هذه الصفحة مفتوحة في الخلفية.
notify-new = رسالة جديدة
notify-denied = المتصفح يمنعها: اسمح بإشعارات هذه الصفحة في إعداداته.
mail-title = صناديق البريد
mail-words = في غيابك تحفظ هذه العقد رسائلك المختومة. واثنتان أأمن من واحدة.
mail-none = لا أحد يحفظ رسائلك في غيابك.
mail-friends = اطلب من صديق
mail-friends-words = الصديق الذي تعمل عقدته كثيرًا صندوق بريد جيد.
mail-relay = الانضمام إلى مُرحّل
mail-relay-words = يحفظ المُرحّل بريد أشخاص كثيرين، ويعطيك صاحبه رابطًا.
mail-relay-link = رابط المُرحّل
mail-join = انضمام
mail-asking = جارٍ الطلب…
mail-leave = مغادرة
mail-leave-sure = مغادرة { $name }؟
mail-leave-words = لن يحفظ رسائلك بعد الآن، وستعلم جهات اتصالك أين ترسل.
mail-confirmed = يحفظ حتى { $bytes } لمدة { $days ->
    [zero] { $days } يوم
    [one] يوم واحد
    [two] يومين
    [few] { $days } أيام
    [many] { $days } يومًا
   *[other] { $days } يوم
}
mail-refused = لا يحفظ بريدك
mail-asked = سُئل ولم يجب بعد
relay = مُرحّل
phrase-title = كلمات الاسترداد
phrase-words = تعيد هذه الكلمات الأربع والعشرون حسابك على جهاز جديد. ومن يملكها فهو أنت: اكتبها على ورق ولا تُرها أحدًا.
phrase-alone = لا أحد يرى شاشتي
phrase-show = إظهار الكلمات
phrase-hide = إخفاؤها
space-total = الصور والفيديو والصوت والملفات: { $bytes }
space-held = منها { $bytes } مختومة ومحفوظة لأصدقاء.
space-rooms = حسب المحادثة
comes-title = ما يصل من تلقاء نفسه
comes-words = وما هو أكبر ينتظر حتى تفتحه.
comes-never = لا شيء
comes-upto = حتى { $bytes }
comes-all = كل شيء
comes-else = كما في المحادثات الأخرى
clear = توفير مساحة
clear-words = تغادر صور هذه المحادثة وفيديوهاتها وأصواتها وملفاتها هذا الجهاز. ولا تعود إلا ما دامت عند أحد.
clear-done = تحررت { $bytes }
device-this = هذا الجهاز
device-words = حسابك على هذا الجهاز وحده، ولا يمكن بعدُ استعمال عدة أجهزة معًا. لنقله استعِده على الجهاز الجديد ولا تشغّل هذا مجددًا.
archive-title = الاحتفاظ بنسخة
archive-words = حسابك وكل رسائلك في ملف واحد مختوم بعبارة مرور تختارها. ليست فيه الصور والفيديو والملفات: يحفظها tidings export أيضًا.
archive-pass = عبارة المرور
archive-pass-again = عبارة المرور مرة أخرى
archive-go = إنشاء النسخة
archive-differ = العبارتان غير متطابقتين.
archive-busy = جارٍ الكتابة والفحص…
archive-done = تم: { $bytes }
import-title = استعادة نسخة
import-words = تُستعاد النسخة في مكان جديد لا تعمل فيه عقدة:
passphrase-title = حماية هذا الجهاز
passphrase-words = بعبارة مرور لا يستطيع أحد فتح رسائلك من القرص. أوقف العقدة ثم:
health-good = كل شيء بخير
health-better = بعض الأمور يمكن تحسينها
health-ok = جيد:
health-ill = انتبه لهذا:
health-again = فحص مجددًا
fact-connected = العقد المتصلة
fact-waiting = رسائل على هذا الجهاز فقط
fact-held = رسائل في صناديق البريد
fact-disk = المساحة المستخدمة
fact-version = الإصدار

doctor-disk-full = القرص شبه ممتلئ. لا يُقبل جديد ولا يُفقد شيء.
doctor-disk-full-do = أفرغ بعض المساحة، فتُقبل الرسائل مجددًا تلقائيًا.
doctor-disk-well = توجد مساحة لرسائل جديدة.
doctor-database-damaged = تضررت الرسائل المخزنة واستُعيدت نسخة منها.
doctor-database-damaged-do = تحقق إن كانت رسائل ناقصة، فأصدقاؤك يعيدون إرسال ما لديهم. وافحص قرص هذا الجهاز.
doctor-database-keys = تعذرت قراءة مفاتيح محادثاتك، والرسائل سليمة.
doctor-database-keys-do = لا يلزم شيء: تضيف جهات اتصالك هذا الجهاز مجددًا عند اتصالها.
doctor-database-well = الرسائل المخزنة سليمة.
doctor-network-alone = لا عقدة أخرى متصلة.
doctor-network-alone-do = افحص شبكة هذا الجهاز. وإن لم تكن لديك جهات اتصال فابدأ بدعوة.
doctor-network-well = { $count ->
    [zero] لا عقد متصلة.
    [one] عقدة واحدة متصلة.
    [two] عقدتان متصلتان.
    [few] { $count } عقد متصلة.
    [many] { $count } عقدة متصلة.
   *[other] { $count } عقدة متصلة.
}
doctor-addresses-well = تستطيع الأجهزة الأخرى محاولة الوصول إليك.
doctor-addresses-local = لا تصل إلى عقدتك إلا برامج هذا الجهاز.
doctor-addresses-local-do = شغّلها دون عنوان --listen خاص بهذا الجهاز وحده.
doctor-mailboxes-refused = لم يعد أحد صناديق البريد يحفظ بريدك.
doctor-mailboxes-refused-do = غادره واختر غيره.
doctor-mailboxes-none = { mail-none }
doctor-mailboxes-none-do = اطلب من صديق أو انضم إلى مُرحّل.
doctor-mailboxes-one = صندوق بريد واحد يحفظ رسائلك في غيابك.
doctor-mailboxes-one-do = اثنان يحميانها إن فُقد أحدهما.
doctor-mailboxes-well = { $count ->
    [zero] لا صندوق بريد يحفظ رسائلك في غيابك.
    [one] صندوق بريد واحد يحفظ رسائلك في غيابك.
    [two] صندوقا بريد يحفظان رسائلك في غيابك.
    [few] { $count } صناديق بريد تحفظ رسائلك في غيابك.
    [many] { $count } صندوق بريد تحفظ رسائلك في غيابك.
   *[other] { $count } صندوق بريد تحفظ رسائلك في غيابك.
}
doctor-outbox-well = لا رسالة تنتظر هنا وحدها.
doctor-outbox-waiting = { $count ->
    [zero] لا رسائل على هذا الجهاز وحده.
    [one] رسالة واحدة على هذا الجهاز وحده حتى الآن.
    [two] رسالتان على هذا الجهاز وحده حتى الآن.
    [few] { $count } رسائل على هذا الجهاز وحده حتى الآن.
    [many] { $count } رسالة على هذا الجهاز وحده حتى الآن.
   *[other] { $count } رسالة على هذا الجهاز وحده حتى الآن.
}
doctor-outbox-waiting-do = اترك العقدة تعمل حتى تُحفظ أو تُسلَّم.
doctor-messages-well = لا تنقص أي رسالة.
doctor-messages-missing = { $count ->
    [zero] لا تنقص أي رسالة.
    [one] تنقص رسالة واحدة ويجري طلبها.
    [two] تنقص رسالتان ويجري طلبهما.
    [few] تنقص { $count } رسائل ويجري طلبها.
    [many] تنقص { $count } رسالة ويجري طلبها.
   *[other] تنقص { $count } رسالة ويجري طلبها.
}
doctor-messages-missing-do = ابقَ متصلًا حتى يتصل من لديه هذه الرسائل.
doctor-clock-well = الساعة موافقة للآخرين بقدر ما هو معلوم.
doctor-clock-ahead = { $count ->
    [zero] ساعة هذا الجهاز مضبوطة.
    [one] ساعة هذا الجهاز متقدمة دقيقة واحدة.
    [two] ساعة هذا الجهاز متقدمة دقيقتين.
    [few] ساعة هذا الجهاز متقدمة { $count } دقائق.
    [many] ساعة هذا الجهاز متقدمة { $count } دقيقة.
   *[other] ساعة هذا الجهاز متقدمة { $count } دقيقة.
}
doctor-clock-ahead-do = اضبط الساعة. ولا يُفقد شيء في الأثناء.
doctor-clock-behind = { $count ->
    [zero] ساعة هذا الجهاز مضبوطة.
    [one] ساعة هذا الجهاز متأخرة دقيقة واحدة.
    [two] ساعة هذا الجهاز متأخرة دقيقتين.
    [few] ساعة هذا الجهاز متأخرة { $count } دقائق.
    [many] ساعة هذا الجهاز متأخرة { $count } دقيقة.
   *[other] ساعة هذا الجهاز متأخرة { $count } دقيقة.
}
doctor-clock-behind-do = { doctor-clock-ahead-do }
doctor-requests-well = لا أحد ينتظر ردك.
doctor-requests-waiting = { $count ->
    [zero] لا أحد ينتظر ردك.
    [one] شخص واحد ينتظر ردك.
    [two] شخصان ينتظران ردك.
    [few] { $count } أشخاص ينتظرون ردك.
    [many] { $count } شخصًا ينتظرون ردك.
   *[other] { $count } شخص ينتظرون ردك.
}
doctor-requests-waiting-do = انظر في قسم الأشخاص.

error-unreachable = عقدتك لا تجيب. تحقق من أنها تعمل.
error-token = لم يعد هذا العنوان صالحًا. خذ ما عرضته عقدتك عند آخر تشغيل.
error-link = هذا ليس رابطًا صالحًا، أو هو رابطك أنت. اطلب رابطًا جديدًا.
error-expired = انتهت هذه الدعوة. اطلب دعوة جديدة.
error-no-contact = لا توجد جهة اتصال كهذه.
error-no-room = لا توجد محادثة كهذه.
error-no-message = ليست هذه الرسالة هنا.
error-blocked = حظرت هذا الشخص أو رفضته. ألغِ الحظر أولًا.
error-empty = لا شيء لإرساله.
error-archive = هذه ليست نسخة كاملة، أو عبارة المرور خاطئة.
error-not-new = يوجد هنا شيء بالفعل. استعدها في مكان جديد: tidings import
error-protected = هذه العقدة محمية بعبارة مرور. استخدم tidings import
error-too-long = هذا طويل جدًا. أرسله على أجزاء.
error-too-many = العدد بلغ حده.
error-disk-full = القرص ممتلئ. أفرغ بعض المساحة أولًا.
error-no-answer = لا رد بعد. تواصل عقدتك السؤال.
error-refused = لا يُحفظ بريدك هناك.
error-store = تعطل القرص. انظر في «كيف حال عقدتي؟».
error-stopping = عقدتك تتوقف.
error-internal = لم ينجح ذلك. سجل العقدة يقول المزيد.
