# Sätze darüber, was geschehen ist. Der Titel ist die Überschrift einer Seite, die sonst nichts zeigt.

wrong-credentials = Benutzername und Passwort passen nicht zusammen. Bitte versuchen Sie es noch einmal.
    .title = Anmeldung fehlgeschlagen
missing-fields = Bitte geben Sie Ihren Benutzernamen und Ihr Passwort ein.
    .title = Es fehlt etwas
too-many-attempts =
    Zu viele Versuche. Bitte versuchen Sie es in { $seconds ->
        [one] { $seconds } Sekunde noch einmal.
       *[other] { $seconds } Sekunden noch einmal.
    }
    .title = Bitte warten Sie einen Moment
too-many-attempts-minutes =
    Zu viele Versuche. Bitte versuchen Sie es in { $minutes ->
        [one] { $minutes } Minute noch einmal.
       *[other] { $minutes } Minuten noch einmal.
    }
too-many-attempts-hours =
    Zu viele Versuche. Bitte versuchen Sie es in { $hours ->
        [one] { $hours } Stunde noch einmal.
       *[other] { $hours } Stunden noch einmal.
    }
session-ended = Ihre Sitzung ist beendet. Bitte melden Sie sich neu an.
    .title = Ihre Sitzung ist beendet
flow-expired = Diese Anmeldung hat zu lange gedauert oder ist schon abgeschlossen. Bitte beginnen Sie in der App noch einmal.
    .title = Bitte beginnen Sie noch einmal
not-allowed = Ihr Konto hat keinen Zugang zu { $app }. Wenn das nicht stimmt, wenden Sie sich bitte an die Personen, die es betreuen.
    .title = Kein Zugang zu { $app }
bad-form = Das Formular konnte nicht gelesen werden. Bitte gehen Sie zurück und versuchen Sie es noch einmal.
    .title = Bitte versuchen Sie es noch einmal
cookies-missing = Ihr Browser hat das Cookie nicht gesendet, das diese Anmeldung zusammenhält. Bitte erlauben Sie Cookies für diese Seite und beginnen Sie noch einmal.
    .title = Cookies werden gebraucht
unknown-app = Die App, von der Sie kommen, ist bei uns nicht registriert.
    .title = Wir kennen diese App nicht
unknown-return-address = Die App möchte Sie an eine Adresse leiten, die für sie nicht registriert ist. Zum Schutz Ihres Kontos haben wir hier angehalten.
    .title = Wir haben diese Anmeldung angehalten
bad-request = Die App hat eine Anfrage gesendet, die wir nicht beantworten können.
    .title = Die App hat einen Fehler gemacht
busy = Gerade ist viel los. Bitte versuchen Sie es in einem Moment noch einmal.
    .title = Bitte versuchen Sie es gleich noch einmal
not-found = Unter dieser Adresse gibt es nichts. Vielleicht ist der Link alt oder wurde abgeschnitten.
    .title = Seite nicht gefunden
unexpected = Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal.
    .title = Etwas ist schiefgegangen
unknown-device-code = Mit diesem Code wartet kein Gerät. Bitte vergleichen Sie ihn mit Ihrem Gerät oder beginnen Sie dort von vorn.
    .title = Diesen Code kennen wir nicht
wrong-code = Dieser Code ist falsch, zu alt oder schon benutzt. Bitte geben Sie den ein, der jetzt angezeigt wird.
    .title = Der Code stimmt nicht
password-too-short = Ein Passwort braucht mindestens { $least } Zeichen.
    .title = Zu kurz
passwords-differ = Die beiden Passwörter sind nicht gleich. Bitte geben Sie das neue zweimal ein.
    .title = Nicht gleich
still-waiting = Noch hat niemand geantwortet. Bitte wählen Sie zuerst auf dem Telefon die Zahl.
    .title = Noch keine Antwort
denied = Sie wurden nicht hereingelassen: Die Antwort war nein oder dauerte zu lange. Bitte versuchen Sie es noch einmal.
    .title = Nicht hereingelassen
question-gone = Hier gibt es nichts mehr zu beantworten. Bitte beginnen Sie am anderen Bildschirm von vorn.
    .title = Schon beantwortet oder zu alt
sign-in-first = Bitte melden Sie sich zuerst auf diesem Gerät an und scannen Sie den Code dann noch einmal.
    .title = Sie sind hier nicht angemeldet
not-sent = Es konnte nicht gesendet werden. Bitte versuchen Sie es gleich noch einmal, oder wählen Sie einen anderen Weg.
    .title = Nicht gesendet
unreachable = Dort ist niemand zu erreichen. Bitte schreiben Sie eine vollständige Mailadresse oder eine Telefonnummer mit Landesvorwahl, etwa +49 30 123456.
    .title = Keine Adresse
bad-answers = Diese Antworten gehen nicht. Jede braucht mindestens drei Buchstaben und darf nicht Ihr Name, Ihre Adresse, eine Frage oder eine andere Antwort sein.
    .title = Bitte andere Antworten
wrong-passkey = Dieser Passkey wurde nicht angenommen. Bitte versuchen Sie es noch einmal oder wählen Sie einen anderen Weg.
    .title = Der Passkey wurde nicht angenommen
key-unverified = Dieser Passkey oder Sicherheitsschlüssel hat weder nach PIN noch nach Finger oder Gesicht gefragt, das ist hier aber nötig. Richten Sie eine PIN für ihn ein oder wählen Sie einen anderen Weg.
    .title = Der Passkey hat nicht geprüft, wer ihn benutzt
key-not-taken = Diese Art von Passkey oder Sicherheitsschlüssel wird hier nicht angenommen oder hat sich nicht ausgewiesen. Bitte verwenden Sie einen anderen, oder fragen Sie die Menschen, die sich um Ihr Konto kümmern, welche es sein dürfen.
    .title = Diese Art wird nicht angenommen
key-suspected = Von diesem Passkey kann es eine Kopie geben, er genügt hier deshalb nicht. Bitte zeigen Sie auf einem anderen Weg, dass Sie es sind.
    .title = Der Passkey wurde vielleicht kopiert
no-means = Diese App verlangt einen zweiten Nachweis, und keiner von Ihren ist hier noch verwendbar. Bitte fragen Sie die Zuständigen.
    .title = Ein zweiter Nachweis fehlt
not-from-network = { $app } ist aus diesem Netz nicht erreichbar. Bitte versuchen Sie es von Ihrem üblichen Platz aus noch einmal, oder fragen Sie die Leute, die sich darum kümmern.
    .title = { $app } ist hier nicht offen
not-from-place = { $app } ist von dort, wo Sie zu sein scheinen, nicht erreichbar. Wenn Sie woanders sind, fragen Sie die Leute, die sich darum kümmern.
    .title = { $app } ist hier nicht offen
not-at-this-time = { $app } ist zu dieser Zeit nicht erreichbar. Bitte versuchen Sie es später noch einmal, oder fragen Sie die Leute, die sich darum kümmern.
    .title = { $app } ist jetzt nicht offen
not-as-usual = Diese Anmeldung ist anders als Ihre üblichen und konnte nicht bestätigt werden. Bitte nehmen Sie einen Browser, den Sie schon benutzt haben, oder fragen Sie die Leute, die sich um { $app } kümmern.
    .title = Das sieht nicht nach Ihnen aus
not-one-device-more = Sie haben so viele Geräte registriert, wie Sie dürfen. Bitte nehmen Sie eines davon, oder entfernen Sie in Ihrem Konto eines, das Sie nicht mehr benutzen.
    .title = Ein Gerät zu viel
field-missing = Es fehlt etwas. Bitte füllen Sie alles aus, was nicht freiwillig ist.
    .title = Es fehlt etwas
bad-username = Ein Benutzername hat 1 bis 64 Buchstaben a bis z, Ziffern, Punkte, - oder _ und ist keines der eigenen Wörter des Chats. Bitte wählen Sie einen anderen.
    .title = Bitte ein anderer Benutzername
username-taken = Diesen Benutzernamen hat schon jemand. Bitte wählen Sie einen anderen.
    .title = Der Benutzername ist vergeben
bad-email = Bitte schreiben Sie Ihre E-Mail-Adresse vollständig, etwa name@example.org.
    .title = Keine E-Mail-Adresse
email-not-allowed = Konten gibt es für E-Mail-Adressen bei { $domains }.
    .title = Diese Adresse bekommt kein Konto
bad-field = Das passt nicht: { $label }. Bitte berichtigen Sie es.
    .title = Bitte berichtigen
letter-not-sent = Der Brief konnte gerade nicht verschickt werden, und nichts wurde behalten. Bitte versuchen Sie es in einigen Minuten noch einmal.
    .title = Nicht gesendet
registration-gone = Dieser Link ist zu alt, wurde schon benutzt, oder die Adresse hat ein Konto. Bitte melden Sie sich an oder registrieren Sie sich noch einmal.
    .title = Dieser Link führt nirgendwohin
wrong-chosen-password = Das ist nicht das Passwort, das bei der Registrierung gewählt wurde. Bitte versuchen Sie es noch einmal.
    .title = Nicht das Passwort
