# Español.

chats-title = Chats
people-title = Personas
settings-title = Ajustes
tabs = Secciones
list = Lista
content = Contenido
skip = Ir al contenido
title-unread = ({ $count }) Tidings
offline = Tu nodo no responde. Esta página lo intenta de nuevo sola.
online = Conectado ahora
offline-held = No conectado ahora
back = Atrás
close = Cerrar
cancel = Cancelar
save = Guardar
saved = Guardado
next = Siguiente
copy = Copiar
copied = Copiado
share = Compartir
you = Tú
nothing-chat = Elige algo de la lista.

search = Buscar
search-all = Buscar en chats y mensajes
search-room = Buscar en este chat
searching = Buscando…
search-none = No se encontró nada
search-none-more = Solo se busca en los mensajes de este dispositivo. Prueba con menos palabras o con otras.
search-most = Los { $count } más recientes
search-found = { $count ->
    [one] { $count } mensaje
   *[other] { $count } mensajes
}
chats-empty = Aquí estarán los mensajes de tus amigos.
chat-empty = Aún no hay mensajes
notes = Mis notas
notes-empty = Escríbete algo
notes-long = Solo tú lo ves
notes-first = Apunta lo que quieras guardar. Se queda contigo.
requests-waiting-for-you = { $count ->
    [one] { $count } persona quiere hablar contigo
   *[other] { $count } personas quieren hablar contigo
}
unread = { $count ->
    [one] { $count } mensaje nuevo
   *[other] { $count } mensajes nuevos
}
unread-divider = Mensajes nuevos
missing = { $count ->
    [one] Falta { $count } mensaje; se está pidiendo a otros.
   *[other] Faltan { $count } mensajes; se están pidiendo a otros.
}
gone = { $count ->
    [one] { $count } mensaje ya no puede llegar.
   *[other] { $count } mensajes ya no pueden llegar.
}

messages = Mensajes
no-room = Este chat no está aquí
no-room-more = Puede ser de otra cuenta.
room-empty = Saluda a { $name }
room-empty-more = Solo ustedes dos pueden leer lo que escriban aquí. Puedes escribir ya, aunque la otra persona no esté.
to-newest = Ir a los mensajes más recientes
write = Mensaje
write-to = Mensaje para { $name }
send = Enviar
emoji = Emoji
replying = Respuesta a { $name }
editing = Cambia tu mensaje
message-actions = Qué hacer con este mensaje
message-recalled = Este mensaje se retiró
message-later = Este mensaje necesita una versión más nueva. Se guarda hasta entonces.
message-spoken = { $who }: { $text }. { $time } { $custody }
quote-missing = El mensaje aún no está aquí
show-all = Mostrar todo
edited = cambiado
late = llegó tarde
late-long = Antes que él llegaron mensajes posteriores
ahead = reloj adelantado
ahead-long = El reloj de quien lo envió va por delante del tuyo
reply = Responder
edit = Cambiar
recall = Retirar
recall-sure = ¿Retirar este mensaje?
recall-what = Desaparece para todos cuando sus dispositivos se enteran. Quien lo haya leído puede recordarlo.
reaction = { $emoji } de { $names }
react-with = Reaccionar con { $emoji }
react-more = Más reacciones

custody-title = Dónde está
custody-waiting = Espera en este dispositivo
custody-held = { $count ->
    [one] Guardado en { $count } buzón hasta el { $until }
   *[other] Guardado en { $count } buzones hasta el { $until }
}
custody-delivered = Entregado
custody-read = Leído
custody-expired = Caducó sin leerse
custody-written = Escrito y a salvo en este dispositivo
custody-holder = { $name } lo guarda
custody-holder-relay = Un relé lo guarda
custody-holder-until = Sellado, hasta { $until }
custody-waiting-long = Nadie más lo tiene aún. Deja tu nodo en marcha hasta que alguien lo guarde o se entregue.
custody-expired-long = Ya nadie lo guarda, y no se leyó.
custody-notes = Este mensaje se queda contigo.
custody-what = Quien guarda un mensaje para otra persona no puede leerlo. Cada paso se muestra solo cuando llega su acuse.
send-again = Enviar de nuevo

kind-photo = Foto
kind-voice = Nota de voz
kind-audio = Sonido
kind-video = Vídeo
kind-file = Archivo
fetching = En camino
zoom-in = Acercar
zoom-out = Alejar
previous = Anterior
place-of = { $at } de { $all }
play = Reproducir
pause = Pausa
position = Posición
speed = Velocidad: { $speed }×
caption = Pie (opcional)
sending = Enviando
attach = Enviar fotos o archivos
leave-out = Quitar { $name }
camera = Hacer una foto
camera-turn = Otra cámara
camera-denied = No se puede usar la cámara: permítela para esta página.
record = Grabar una nota de voz
recording = Grabando
record-stop = Parar y escuchar
record-discard = Descartar
record-slide = Suelta para escuchar, desliza para descartar
record-release = Suelta para descartar
record-denied = No se puede usar el micrófono: permítelo para esta página.
level = Volumen
attach-title = { $count ->
    [one] Enviar { $count } archivo
   *[other] Enviar { $count } archivos
}

add-title = Añadir a un amigo
people-none = Aún no hay nadie
people-none-more = Los amigos se encuentran con un enlace, que se dan como prefieran.
requests-title = Solicitudes
contacts = Contactos
contacts-asked = Solicitud enviada
contacts-blocked = Bloqueados y rechazados
accept = Aceptar
decline = Rechazar
block = Bloquear
unblock = Desbloquear
verified = Verificado
state-accepted = Contacto
state-requested = A la espera de su respuesta
state-requested-long = Aún sin respuesta; lo que escribas espera aquí
state-pending = Quiere hablar contigo
state-declined = Rechazado
state-declined-long = Rechazaste a esta persona.
state-blocked = Bloqueado
state-blocked-long = Bloqueaste a esta persona. Nada suyo te llega.
since = desde el { $day }
no-person = Esta persona no está aquí
write-message = Escribir un mensaje
called = Nombre aquí
verify-title = ¿De verdad es esa persona?
verify-words = Compara estas palabras con { $name }, lado a lado o en una llamada. Si ambos ven lo mismo, no hay nadie en medio.
verify-agree = Las palabras coinciden
verify-undo = Quitar la verificación
hold-title = Tu correo en su nodo
hold-words = El nodo de { $name } puede guardar mensajes para ti mientras no estás, sin poder leerlos.
hold-ask = Pedir que guarde mi correo
hold-asked = Preguntando a { $name }…
hold-confirmed = { $name } guarda ya tu correo
block-sure = ¿Bloquear a { $name }?
block-words = { $name } ya no podrá escribirte y no se le avisa. Lo que tienes se queda.
invite-title = Tu invitación
invite-words = Crea un enlace y dáselo a un amigo. Con él será tu contacto.
invite-make = Crear una invitación
invite-another = Otra
invite-link = El enlace
invite-qr = El enlace como código QR
invite-once = Vale para un amigo y durante unos días. Dásela solo a quien corresponda.
use-title = Usar la invitación de un amigo
use-link = Su enlace
scan = Escanear un código
scan-words = Pon su código delante de la cámara.
scan-other = Este código no es una invitación.
use-greeting = Unas palabras (opcional)
use-go = Pedir ser contactos
use-asked = Solicitud enviada a { $name }

welcome-title = Te damos la bienvenida a Tidings
welcome-lead = Tus mensajes van de ti a tus amigos. No hay ninguna empresa en medio.
welcome-name = Tu nombre
welcome-name-more = Lo ven tus contactos. Puedes cambiarlo cuando quieras.
welcome-hello = Hola, { $name }
welcome-what-now = ¿Por dónde quieres empezar?
welcome-invite = Invitar a un amigo
welcome-invite-more = Con un enlace o un código QR
welcome-notes = Escribirte a ti
welcome-notes-more = Tus notas funcionan ya
welcome-phrase = Anotar tus palabras de recuperación
welcome-phrase-more = Devuelven tu cuenta
restore = Tengo una copia de mi cuenta
restore-words = Elige el archivo y escribe su contraseña. Después no vuelvas a iniciar el nodo del que viene.
restore-file = La copia
restore-go = Recuperar
restore-rows = Leyendo… { $rows }
restore-done = Ya está todo. Tu nodo arranca de nuevo…
locked-title = Abre tu Tidings
locked-words = Este navegador aún no te conoce. Tu nodo muestra una dirección al arrancar; ábrela o pégala aquí.
locked-address = Dirección de tu nodo
locked-open = Abrir
stopped-title = Tu nodo descansa
stopped-words = No se ha perdido nada. Vuelve a iniciarlo y regresa aquí.
stopped-again = Intentar de nuevo

set-profile = Perfil
set-look = Idioma y aspecto
set-notify = Notificaciones
set-mail = Quién guarda mi correo
set-space = Almacenamiento
set-backup = Recuperación y copia
set-devices = Dispositivos
set-health = ¿Cómo está mi nodo?
no-page = No existe esa página
account = Tu cuenta
account-words = Así te ven otros nodos. No es secreta y no dice nada de ti.
language = Idioma
language-browser = El del navegador
theme = Tema
theme-system = El del sistema
theme-light = Claro
theme-dark = Oscuro
size = Tamaño del texto
size-normal = Normal
size-large = Grande
size-huge = Muy grande
notify-none = Este navegador no tiene notificaciones
notify-on = Avisarme de mensajes nuevos
notify-show = Mostrar lo que dicen
notify-words = Llegan mientras esta página está abierta en segundo plano.
notify-new = Mensaje nuevo
notify-denied = El navegador no lo permite: autoriza las notificaciones de esta página en sus ajustes.
mail-title = Buzones
mail-words = Mientras no estás, estos nodos guardan tus mensajes sellados. Dos son más seguros que uno.
mail-none = Nadie guarda tus mensajes mientras no estás.
mail-friends = Pedírselo a un amigo
mail-friends-words = Un amigo cuyo nodo suele estar en marcha es un buen buzón.
mail-relay = Unirse a un relé
mail-relay-words = Un relé guarda correo de muchas personas. Su dueño te da un enlace.
mail-relay-link = Enlace del relé
mail-join = Unirse
mail-asking = Preguntando…
mail-leave = Dejar
mail-leave-sure = ¿Dejar { $name }?
mail-leave-words = Ya no guardará tus mensajes. Tus contactos sabrán adónde enviar.
mail-confirmed = Guarda hasta { $bytes } durante { $days ->
    [one] { $days } día
   *[other] { $days } días
}
mail-refused = No guarda tu correo
mail-asked = Preguntado; aún sin respuesta
relay = Relé
phrase-title = Palabras de recuperación
phrase-words = Estas 24 palabras devuelven tu cuenta en un dispositivo nuevo. Quien las tiene eres tú: escríbelas en papel y no se las enseñes a nadie.
phrase-alone = Nadie puede ver mi pantalla
phrase-show = Mostrar las palabras
phrase-hide = Ocultarlas
space-total = Fotos, vídeos, sonidos y archivos: { $bytes }
space-held = De ello, { $bytes } están sellados y guardados para amigos.
space-rooms = Por chat
comes-title = Lo que llega solo
comes-words = Lo más grande espera a que lo abras.
comes-never = Nada
comes-upto = Hasta { $bytes }
comes-all = Todo
comes-else = Como en los demás chats
clear = Liberar espacio
clear-words = Las fotos, vídeos, sonidos y archivos de este chat salen de este dispositivo. Solo vuelven mientras alguien los tenga.
clear-done = { $bytes } liberados
device-this = Este dispositivo
device-words = Tu cuenta está solo en este dispositivo; aún no se pueden usar varios a la vez. Para mudarla, recupérala en el nuevo y no vuelvas a iniciar este.
archive-title = Guardar una copia
archive-words = Tu cuenta y todos los mensajes en un archivo sellado con la contraseña que elijas. No incluye fotos, vídeos ni archivos: tidings export también los guarda.
archive-pass = Contraseña
archive-pass-again = Contraseña otra vez
archive-go = Crear la copia
archive-differ = No son iguales.
archive-busy = Escribiendo y comprobando…
archive-done = Listo: { $bytes }
import-title = Recuperar una copia
import-words = Una copia se recupera en un lugar nuevo, sin ningún nodo en marcha allí:
passphrase-title = Proteger este dispositivo
passphrase-words = Con una contraseña, nadie puede abrir tus mensajes desde el disco. Detén el nodo y después:
health-good = Todo está bien
health-better = Algunas cosas podrían mejorar
health-ok = Bien:
health-ill = Revisa esto:
health-again = Mirar de nuevo
fact-connected = Nodos conectados
fact-waiting = Mensajes solo en este dispositivo
fact-held = Mensajes en buzones
fact-disk = Espacio usado
fact-version = Versión

doctor-disk-full = El disco está casi lleno. No se acepta nada nuevo; no se pierde nada.
doctor-disk-full-do = Libera espacio: los mensajes se aceptarán de nuevo solos.
doctor-disk-well = Hay sitio para mensajes nuevos.
doctor-database-damaged = Los mensajes guardados se dañaron y se recuperó una copia.
doctor-database-damaged-do = Mira si faltan mensajes; tus amigos envían de nuevo lo que tienen. Revisa el disco.
doctor-database-keys = No se pudieron leer las claves de tus chats; los mensajes están enteros.
doctor-database-keys-do = No hay nada que hacer: tus contactos añaden de nuevo este dispositivo cuando estén en línea.
doctor-database-well = Los mensajes guardados están enteros.
doctor-network-alone = No hay ningún otro nodo conectado.
doctor-network-alone-do = Revisa la red de este dispositivo. Si aún no tienes contactos, empieza con una invitación.
doctor-network-well = { $count ->
    [one] { $count } nodo conectado.
   *[other] { $count } nodos conectados.
}
doctor-addresses-well = Otros dispositivos pueden intentar llegar a ti.
doctor-addresses-local = Solo los programas de este dispositivo llegan a tu nodo.
doctor-addresses-local-do = Inícialo sin una dirección --listen propia de este dispositivo.
doctor-mailboxes-refused = Un buzón ya no guarda tu correo.
doctor-mailboxes-refused-do = Déjalo y elige otro.
doctor-mailboxes-none = { mail-none }
doctor-mailboxes-none-do = Pídeselo a un amigo o únete a un relé.
doctor-mailboxes-one = Un buzón guarda tus mensajes mientras no estás.
doctor-mailboxes-one-do = Dos los protegen si uno se pierde.
doctor-mailboxes-well = { $count ->
    [one] { $count } buzón guarda tus mensajes mientras no estás.
   *[other] { $count } buzones guardan tus mensajes mientras no estás.
}
doctor-outbox-well = Ningún mensaje espera solo aquí.
doctor-outbox-waiting = { $count ->
    [one] { $count } mensaje está por ahora solo en este dispositivo.
   *[other] { $count } mensajes están por ahora solo en este dispositivo.
}
doctor-outbox-waiting-do = Deja el nodo en marcha hasta que alguien los guarde o se entreguen.
doctor-messages-well = No falta ningún mensaje.
doctor-messages-missing = { $count ->
    [one] Falta { $count } mensaje y se está pidiendo.
   *[other] Faltan { $count } mensajes y se están pidiendo.
}
doctor-messages-missing-do = Sigue en línea hasta que también lo esté alguien que los tenga.
doctor-clock-well = El reloj coincide con otros, hasta donde se sabe.
doctor-clock-ahead = { $count ->
    [one] El reloj de este dispositivo va { $count } minuto adelantado.
   *[other] El reloj de este dispositivo va { $count } minutos adelantado.
}
doctor-clock-ahead-do = Ajusta el reloj. Mientras tanto no se pierde nada.
doctor-clock-behind = { $count ->
    [one] El reloj de este dispositivo va { $count } minuto atrasado.
   *[other] El reloj de este dispositivo va { $count } minutos atrasado.
}
doctor-clock-behind-do = { doctor-clock-ahead-do }
doctor-requests-well = Nadie espera tu respuesta.
doctor-requests-waiting = { $count ->
    [one] { $count } persona espera tu respuesta.
   *[other] { $count } personas esperan tu respuesta.
}
doctor-requests-waiting-do = Mira en Personas.

error-unreachable = Tu nodo no responde. Comprueba si está en marcha.
error-token = Esta dirección ya no vale. Usa la que mostró tu nodo la última vez que arrancó.
error-link = No es un enlace válido, o es el tuyo. Pide uno nuevo.
error-expired = Esta invitación caducó. Pide una nueva.
error-no-contact = No existe ese contacto.
error-no-room = No existe ese chat.
error-no-message = Ese mensaje no está aquí.
error-blocked = Bloqueaste o rechazaste a esta persona. Desbloquéala primero.
error-empty = No hay nada que enviar.
error-archive = No es una copia completa, o no es su contraseña.
error-not-new = Aquí ya hay algo. Recupérala en un lugar nuevo: tidings import
error-protected = Este nodo tiene contraseña. Usa tidings import
error-too-long = Es demasiado largo. Envíalo por partes.
error-too-many = Ya hay demasiados.
error-disk-full = El disco está lleno. Libera espacio primero.
error-no-answer = Aún no hay respuesta. Tu nodo sigue preguntando.
error-refused = Allí no se guarda tu correo.
error-store = El disco falló. Mira “¿Cómo está mi nodo?”.
error-stopping = Tu nodo se está deteniendo.
error-internal = No funcionó. El registro del nodo dice más.
