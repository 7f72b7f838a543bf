# Briefe und kurze Nachrichten. In `subject` steht nie ein Code: Betreffzeilen stehen auf gesperrten Bildschirmen.

mail-sign-in-code =
    Das ist Ihr Code für { $app }. Er gilt { $count ->
        [one] { $count } Minute.
       *[other] { $count } Minuten.
    }
    .subject = Ihr Code für { $app }
mail-address-code =
    Geben Sie diesen Code auf der Seite von { $org } ein, um zu zeigen, dass diese Adresse Ihnen gehört. Er gilt { $count ->
        [one] { $count } Minute.
       *[other] { $count } Minuten.
    }
    .subject = Bitte bestätigen Sie diese Adresse für { $org }
mail-sign-in-link =
    Jemand meldet sich als Sie bei { $app } an. Wenn Sie es sind, öffnen Sie diesen Link und wählen Sie die Zahl, die dort steht, wo Sie sich anmelden. Der Link gilt { $count ->
        [one] { $count } Minute.
       *[other] { $count } Minuten.
    }
    .subject = Melden Sie sich gerade bei { $app } an?
mail-magic-link =
    Öffnen Sie diesen Link, um sich bei { $app } anzumelden. Er gilt einmal, innerhalb von { $count ->
        [one] { $count } Minute.
       *[other] { $count } Minuten.
    }
    .subject = Ihr Link für { $app }
mail-credential-changed = An Ihrem Konto bei { $org } wurde etwas geändert: { $what }.
    .subject = Eine Änderung an Ihrem Konto bei { $org }
mail-new-sign-in = Ihr Konto bei { $org } wurde von einem Gerät oder einem Ort benutzt, den wir noch nicht kannten.
    .subject = Neue Anmeldung bei { $org }
mail-device-limit =
    Jemand hat sich mit Ihrem Konto bei { $org } auf einem neuen Gerät angemeldet oder es versucht. Registriert haben Sie { $count ->
        [one] { $count } Gerät, mehr sind nicht erlaubt.
       *[other] { $count } Geräte, mehr sind nicht erlaubt.
    }
    .subject = Ein Gerät mehr bei { $org }
mail-admin-alert = Eine Richtlinie von { $org } meldet: { $what }
    .subject = Meldung über eine Anmeldung bei { $org }
mail-activation =
    Jemand, hoffentlich Sie, möchte ein Konto bei { $org } mit dieser Adresse. Öffnen Sie diesen Link, um es anzulegen. Er gilt einmal, innerhalb von { $count ->
        [one] { $count } Stunde.
       *[other] { $count } Stunden.
    }
    .subject = Ihr Konto bei { $org }
mail-registered-already =
    Jemand, vielleicht Sie, wollte ein neues Konto bei { $org } mit dieser Adresse. Sie hat schon eines, und nichts wurde geändert. Hier können Sie sich anmelden:
    .subject = Sie haben schon ein Konto bei { $org }
mail-test = Das ist ein Test. Briefe von { $org } kommen an.
    .subject = Testbrief von { $org }

mail-fact-time = Zeit: { $value }
mail-fact-passkey = Passkey: { $value }
mail-fact-token = Token: { $value }
mail-fact-device = Gerät: { $value }
mail-fact-address = Netzadresse: { $value }
mail-fact-place = Ort: { $value }
mail-fact-person = Person: { $value }

mail-never-tell = Sagen Sie ihn niemandem, auch uns nicht. Wenn Sie sich gerade nicht anmelden, kennt vielleicht jemand Ihr Passwort: Ändern Sie es.
mail-not-asked = Wenn Sie das nicht wollten, brauchen Sie nichts zu tun.
mail-not-registered = Waren Sie es nicht, tun Sie nichts: Dann entsteht kein Konto.
mail-not-you-deny = Wenn Sie es nicht sind, öffnen Sie den Link und lehnen Sie ab; ändern Sie dann Ihr Passwort.
mail-not-you-help = Wenn Sie das nicht waren, ändern Sie Ihr Passwort und sagen Sie den Leuten Bescheid, die sich um Ihr Konto kümmern.
mail-not-you-end = Wenn Sie das nicht waren, öffnen Sie { $url }, um diese Sitzung zu beenden; ändern Sie dann Ihr Passwort.
mail-remove-device = Um Platz zu schaffen, entfernen Sie ein Gerät, das Sie nicht mehr benutzen: { $url }

mail-signature = { $org }
mail-signature-support =
    { $org }
    Fragen: { $support }

mail-what-password-changed = das Passwort wurde geändert
mail-what-password-reset = das Passwort wurde neu gesetzt
mail-what-authenticator-added = eine Authenticator-App wurde hinzugefügt
mail-what-authenticator-removed = eine Authenticator-App wurde entfernt
mail-what-passkey-added = ein Passkey wurde hinzugefügt
mail-what-passkey-renamed = ein Passkey bekam einen anderen Namen
mail-what-passkey-removed = ein Passkey wurde entfernt
mail-what-passkey-suspected = ein Passkey wurde benutzt, von dem es eine Kopie geben kann; wenn Sie den Grund nicht kennen, entfernen Sie ihn und fügen Sie ihn neu hinzu
mail-what-token-added = ein Hardware-Token wurde hinzugefügt
mail-what-token-removed = ein Hardware-Token wurde entfernt
mail-what-device-copied = ein Browser, dem Sie vertraut haben, wurde kopiert oder zurückgesetzt; ihm wird nicht mehr vertraut
mail-what-recovery-codes-removed = die Wiederherstellungscodes wurden entfernt
mail-what-recovery-codes-made = neue Wiederherstellungscodes wurden erzeugt, die alten gelten nicht mehr
mail-what-recovery-code-used = ein Wiederherstellungscode wurde benutzt
mail-what-questions-changed = die Sicherheitsfragen wurden geändert
mail-what-grid-card-made = eine neue Gitterkarte wurde erzeugt
mail-what-grid-card-removed = die Gitterkarte wurde entfernt
mail-what-address-added = eine zweite E-Mail-Adresse wurde hinzugefügt
mail-what-address-removed = eine zweite E-Mail-Adresse wurde entfernt
mail-what-phone-added = eine Telefonnummer wurde hinzugefügt
mail-what-phone-removed = eine Telefonnummer wurde entfernt
mail-what-push-added = ein Gerät für Push-Nachrichten wurde hinzugefügt
mail-what-push-renamed = ein Gerät für Push-Nachrichten bekam einen anderen Namen
mail-what-push-removed = ein Gerät für Push-Nachrichten wurde entfernt
mail-what-factors-reset = ein Administrator hat alle zweiten Faktoren entfernt

short-code =
    { $code } ist Ihr Code für { $app }, gültig { $count ->
        [one] { $count } Minute.
       *[other] { $count } Minuten.
    } Sagen Sie ihn niemandem.
spoken-code = Guten Tag. Ihr Code für { $app } lautet { $code }. Noch einmal: { $code }. Auf Wiederhören.
short-link =
    Anmeldung bei { $app }. Wenn Sie es sind, öffnen Sie dies und wählen Sie die Zahl, die bei der Anmeldung steht, innerhalb von { $count ->
        [one] { $count } Minute:
       *[other] { $count } Minuten:
    } { $url }
push-question-title = Anmeldung bei { $app }
push-question-text = Sind Sie das? Tippen Sie hierauf und wählen Sie die Zahl, die dort steht.
short-test = Eine Testnachricht von { $org }.

mail-odd-refused = eine Anmeldung wurde abgelehnt
mail-odd-device-limit = jemand hat sich mit einem Gerät mehr angemeldet, als erlaubt ist
mail-odd-new = jemand hat sich mit einem neuen Gerät oder von einem neuen Ort angemeldet
mail-odd-break-glass = jemand hat sich mit einem Notfallcode angemeldet
