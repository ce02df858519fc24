# 简体中文。

chats-title = 聊天
people-title = 联系人
settings-title = 设置
tabs = 栏目
list = 列表
content = 内容
skip = 跳到内容
title-unread = ({ $count }) Tidings
offline = 你的节点没有回应，页面会自动重试。
online = 当前已连接
offline-held = 当前未连接
back = 返回
close = 关闭
cancel = 取消
save = 保存
saved = 已保存
next = 下一步
copy = 复制
copied = 已复制
share = 分享
you = 你
nothing-chat = 请从列表中选择。

search = 搜索
search-all = 搜索聊天和消息
search-room = 在此聊天中搜索
searching = 正在搜索…
search-none = 没有找到
search-none-more = 只搜索这台设备上的消息。试试更少或其他的词。
search-most = 最新的 { $count } 条
search-found = { $count ->
   *[other] { $count } 条消息
}
chats-empty = 朋友的消息会出现在这里。
chat-empty = 还没有消息
notes = 我的笔记
notes-empty = 给自己写点什么
notes-long = 只有你能看到
notes-first = 写下你想记住的内容，它只属于你。
requests-waiting-for-you = { $count ->
   *[other] 有 { $count } 人想联系你
}
unread = { $count ->
   *[other] { $count } 条新消息
}
unread-divider = 新消息
missing = { $count ->
   *[other] 缺少 { $count } 条消息，正在向其他人索取。
}
gone = { $count ->
   *[other] { $count } 条消息已无法送达。
}

messages = 消息
no-room = 没有这个聊天
no-room-more = 它可能属于另一个账号。
room-empty = 向 { $name } 打个招呼
room-empty-more = 只有你们两人能读到这里的内容。即使对方不在线，你也可以现在就写。
to-newest = 跳到最新消息
write = 消息
write-to = 给 { $name } 的消息
send = 发送
emoji = 表情
replying = 回复 { $name }
editing = 修改你的消息
message-actions = 对这条消息的操作
message-recalled = 这条消息已撤回
message-later = 这条消息需要更新的版本才能显示，在那之前会一直保留。
message-spoken = { $who }：{ $text }。{ $time } { $custody }
quote-missing = 这条消息还没有到
show-all = 显示全部
edited = 已修改
late = 迟到
late-long = 后面的消息比它先到
ahead = 时钟超前
ahead-long = 发送者的时钟比你的快
reply = 回复
edit = 修改
recall = 撤回
recall-sure = 撤回这条消息？
recall-what = 对方的设备收到通知后，消息会对所有人消失。已经读过的人可能还记得。
reaction = { $names } 的 { $emoji }
react-with = 用 { $emoji } 回应
react-more = 更多表情

custody-title = 消息在哪里
custody-waiting = 在这台设备上等待
custody-held = { $count ->
   *[other] 由 { $count } 个信箱保管至 { $until }
}
custody-delivered = 已送达
custody-read = 已读
custody-expired = 未读即过期
custody-written = 已写好，安全保存在这台设备上
custody-holder = { $name } 正在保管
custody-holder-relay = 一个中继正在保管
custody-holder-until = 已加密，保管至 { $until }
custody-waiting-long = 还没有别人持有它。请让节点继续运行，直到有人保管或送达。
custody-expired-long = 已经没有人保管它，而且它没有被读过。
custody-notes = 这条消息只留在你这里。
custody-what = 替别人保管消息的人无法读取内容。只有收到回执后，才会显示每一步。
send-again = 重新发送

kind-photo = 照片
kind-voice = 语音
kind-audio = 音频
kind-video = 视频
kind-file = 文件
fetching = 正在接收
zoom-in = 放大
zoom-out = 缩小
previous = 上一个
place-of = 第 { $at } 个，共 { $all } 个
play = 播放
pause = 暂停
position = 位置
speed = 速度：{ $speed }×
caption = 说明（可选）
sending = 正在发送
attach = 发送照片或文件
leave-out = 不发送 { $name }
camera = 拍照
camera-turn = 切换摄像头
camera-denied = 无法使用摄像头：请为此页面允许使用。
record = 录制语音
recording = 正在录音
record-stop = 停止并试听
record-discard = 丢弃
record-slide = 松开试听，滑开丢弃
record-release = 松开即丢弃
record-denied = 无法使用麦克风：请为此页面允许使用。
level = 音量
attach-title = { $count ->
   *[other] 发送 { $count } 个文件
}

add-title = 添加朋友
people-none = 这里还没有人
people-none-more = 朋友之间通过链接相识，用任何方式把链接交给对方都行。
requests-title = 请求
contacts = 联系人
contacts-asked = 已发出请求
contacts-blocked = 已屏蔽和已拒绝
accept = 接受
decline = 拒绝
block = 屏蔽
unblock = 取消屏蔽
verified = 已核实
state-accepted = 联系人
state-requested = 等待对方回应
state-requested-long = 对方尚未回应，你写的内容会在这里等待
state-pending = 想联系你
state-declined = 已拒绝
state-declined-long = 你拒绝了此人。
state-blocked = 已屏蔽
state-blocked-long = 你屏蔽了此人，对方的任何内容都不会到你这里。
since = 自 { $day }
no-person = 没有这个人
write-message = 写消息
called = 称呼
verify-title = 真的是对方吗？
verify-words = 当面或在通话中与 { $name } 对照这些词。两边看到的相同，就说明中间没有别人。
verify-agree = 词语一致
verify-undo = 撤销核实
hold-title = 请对方保管你的邮件
hold-words = 你不在线时，{ $name } 的节点可以替你保管消息，但无法读取内容。
hold-ask = 请对方保管我的消息
hold-asked = 正在询问 { $name }…
hold-confirmed = { $name } 现在替你保管消息
block-sure = 屏蔽 { $name }？
block-words = { $name } 将无法再联系你，也不会得到通知。你已有的内容会保留。
invite-title = 你的邀请
invite-words = 生成一个链接交给朋友，对方用它就能成为你的联系人。
invite-make = 生成邀请
invite-another = 再生成一个
invite-link = 链接
invite-qr = 链接的二维码
invite-once = 只能供一位朋友使用，几天内有效。只交给你要邀请的人。
use-title = 使用朋友的邀请
use-link = 对方的链接
scan = 扫描二维码
scan-words = 把对方的二维码对准摄像头。
scan-other = 这个二维码不是邀请。
use-greeting = 说几句话（可选）
use-go = 请求成为联系人
use-asked = 已向 { $name } 发出请求

welcome-title = 欢迎使用 Tidings
welcome-lead = 你的消息直接从你到朋友，中间没有任何公司。
welcome-name = 你的名字
welcome-name-more = 你的联系人会看到它，随时可以修改。
welcome-hello = 你好，{ $name }
welcome-what-now = 你想从哪里开始？
welcome-invite = 邀请朋友
welcome-invite-more = 用链接或二维码
welcome-notes = 写给自己
welcome-notes-more = 笔记马上就能用
welcome-phrase = 抄下恢复词
welcome-phrase-more = 它们能找回你的账号
restore = 我有账号副本
restore-words = 选择文件并输入口令。之后请不要再启动原来的节点。
restore-file = 副本文件
restore-go = 恢复
restore-rows = 正在读取… { $rows }
restore-done = 全部已恢复，节点正在重新启动…
locked-title = 打开你的 Tidings
locked-words = 这个浏览器还不认识你。节点启动时会显示一个地址，请打开它，或粘贴到这里。
locked-address = 节点给出的地址
locked-open = 打开
stopped-title = 你的节点正在休息
stopped-words = 什么都没有丢失。重新启动节点，再回到这里。
stopped-again = 重试

set-profile = 个人资料
set-look = 语言和外观
set-notify = 通知
set-mail = 谁保管我的消息
set-space = 存储空间
set-backup = 恢复和备份
set-devices = 设备
set-health = 我的节点怎么样？
no-page = 没有这个页面
account = 你的账号
account-words = 其他节点用它认出你。它不是秘密，也不透露你的信息。
language = 语言
language-browser = 跟随浏览器
theme = 主题
theme-system = 跟随系统
theme-light = 浅色
theme-dark = 深色
size = 文字大小
size-normal = 标准
size-large = 大
size-huge = 特大
notify-none = 这个浏览器不支持通知
notify-on = 有新消息时通知我
notify-show = 显示消息内容
notify-words = 页面在后台打开时会收到通知。
notify-new = 新消息
notify-denied = 浏览器不允许：请在浏览器设置中为此页面允许通知。
mail-title = 信箱
mail-words = 你不在线时，这些节点保管你的加密消息。两个比一个更稳妥。
mail-none = 你不在线时，没有人保管你的消息。
mail-friends = 请朋友帮忙
mail-friends-words = 节点经常在线的朋友是很好的信箱。
mail-relay = 加入中继
mail-relay-words = 中继为许多人保管消息，由它的主人给你链接。
mail-relay-link = 中继的链接
mail-join = 加入
mail-asking = 正在询问…
mail-leave = 离开
mail-leave-sure = 离开 { $name }？
mail-leave-words = 它将不再保管你的消息，你的联系人会得知新的投递地点。
mail-confirmed = 最多保管 { $bytes }，{ $days ->
   *[other] { $days } 天
}
mail-refused = 不替你保管消息
mail-asked = 已询问，尚未回应
relay = 中继
phrase-title = 恢复词
phrase-words = 这 24 个词能在新设备上找回你的账号。谁拥有它们，谁就是你：请抄在纸上，不要给任何人看。
phrase-alone = 没有人能看到我的屏幕
phrase-show = 显示恢复词
phrase-hide = 隐藏
space-total = 照片、视频、声音和文件：{ $bytes }
space-held = 其中 { $bytes } 是替朋友保管的加密内容。
space-rooms = 按聊天
comes-title = 自动接收
comes-words = 更大的内容等你打开时才接收。
comes-never = 不自动接收
comes-upto = 最大 { $bytes }
comes-all = 全部
comes-else = 与其他聊天相同
clear = 清理空间
clear-words = 此聊天的照片、视频、声音和文件将从此设备删除。只有别人还保存着时才能再次接收。
clear-done = 已释放 { $bytes }
device-this = 本设备
device-words = 你的账号只在这台设备上，目前还不能同时用多台。要搬走，请在新设备上找回账号，并且不要再启动这一台。
archive-title = 保存一份副本
archive-words = 把你的账号和全部消息放进一个文件，用你选择的口令加密。照片、视频和文件不在其中：tidings export 会一并保存。
archive-pass = 口令
archive-pass-again = 再次输入口令
archive-go = 生成副本
archive-differ = 两次输入不一致。
archive-busy = 正在写入并检查…
archive-done = 完成：{ $bytes }
import-title = 恢复副本
import-words = 在没有节点运行时，把副本恢复到新的位置：
passphrase-title = 保护这台设备
passphrase-words = 设置口令后，别人无法从磁盘打开你的消息。先停止节点，然后：
health-good = 一切正常
health-better = 有些地方可以更好
health-ok = 正常：
health-ill = 请注意：
health-again = 重新检查
fact-connected = 已连接的节点
fact-waiting = 只在这台设备上的消息
fact-held = 信箱中的消息
fact-disk = 占用空间
fact-version = 版本

doctor-disk-full = 磁盘快满了。暂不接收新消息，但没有丢失任何内容。
doctor-disk-full-do = 腾出一些空间，之后会自动恢复接收。
doctor-disk-well = 有足够空间存放新消息。
doctor-database-damaged = 保存的消息曾损坏，已恢复了一份副本。
doctor-database-damaged-do = 请看看是否缺少消息，朋友会重发他们有的内容。检查这台设备的磁盘。
doctor-database-keys = 聊天的密钥无法读取，但消息完好。
doctor-database-keys-do = 无需操作：联系人在线时会重新添加这台设备。
doctor-database-well = 保存的消息完好。
doctor-network-alone = 没有连接到其他节点。
doctor-network-alone-do = 检查这台设备的网络。如果还没有联系人，请先发出邀请。
doctor-network-well = { $count ->
   *[other] 已连接 { $count } 个节点。
}
doctor-addresses-well = 其他设备可以尝试联系你。
doctor-addresses-local = 只有这台设备上的程序能联系你的节点。
doctor-addresses-local-do = 启动时不要使用仅限本机的 --listen 地址。
doctor-mailboxes-refused = 一个信箱不再保管你的消息。
doctor-mailboxes-refused-do = 离开它，另选一个。
doctor-mailboxes-none = { mail-none }
doctor-mailboxes-none-do = 请朋友帮忙，或加入中继。
doctor-mailboxes-one = 你不在线时，有一个信箱保管你的消息。
doctor-mailboxes-one-do = 有两个，丢失一个也不怕。
doctor-mailboxes-well = { $count ->
   *[other] 你不在线时，有 { $count } 个信箱保管你的消息。
}
doctor-outbox-well = 没有消息只停留在这里。
doctor-outbox-waiting = { $count ->
   *[other] 有 { $count } 条消息目前只在这台设备上。
}
doctor-outbox-waiting-do = 请让节点继续运行，直到有人保管或送达。
doctor-messages-well = 没有缺少消息。
doctor-messages-missing = { $count ->
   *[other] 缺少 { $count } 条消息，正在索取。
}
doctor-messages-missing-do = 请保持在线，直到拥有它们的人也在线。
doctor-clock-well = 据所知，时钟与其他人一致。
doctor-clock-ahead = { $count ->
   *[other] 这台设备的时钟比别人快 { $count } 分钟。
}
doctor-clock-ahead-do = 请校准时钟，期间不会丢失任何内容。
doctor-clock-behind = { $count ->
   *[other] 这台设备的时钟比别人慢 { $count } 分钟。
}
doctor-clock-behind-do = { doctor-clock-ahead-do }
doctor-requests-well = 没有人等待你的回应。
doctor-requests-waiting = { $count ->
   *[other] 有 { $count } 人等待你的回应。
}
doctor-requests-waiting-do = 请查看“联系人”。

error-unreachable = 你的节点没有回应，请看看它是否在运行。
error-token = 这个地址已失效，请使用节点最近一次启动时显示的地址。
error-link = 这不是有效的链接，或者是你自己的链接。请要一个新的。
error-expired = 这个邀请已过期，请要一个新的。
error-no-contact = 没有这个联系人。
error-no-room = 没有这个聊天。
error-no-message = 这里没有这条消息。
error-blocked = 你屏蔽或拒绝了此人，请先取消屏蔽。
error-empty = 没有可发送的内容。
error-archive = 这不是完整的副本，或口令不对。
error-not-new = 这里已有内容。请在新的位置恢复：tidings import
error-protected = 此节点有口令保护。请使用 tidings import
error-too-long = 太长了，请分开发送。
error-too-many = 数量已达上限。
error-disk-full = 磁盘已满，请先腾出空间。
error-no-answer = 还没有回应，你的节点会继续询问。
error-refused = 对方不保管你的消息。
error-store = 磁盘出了问题，请查看“我的节点怎么样？”。
error-stopping = 你的节点正在停止。
error-internal = 没有成功，节点的日志里有更多信息。
