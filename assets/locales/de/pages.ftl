# Um jede Seite herum
language = Sprache
help = Brauchen Sie Hilfe?
help-at = Brauchen Sie Hilfe? Fragen Sie { $contact }

# Anmelden
sign-in = Anmelden
to-continue = weiter zu { $app }
username = Benutzername
password = Passwort
signed-in-as = Angemeldet als { $user }
other-account = Anderes Konto verwenden
passkey-add-first = Noch kein Passkey? Fügen Sie zuerst einen zu Ihrem Konto hinzu.

# Noch einmal nach dem Passwort fragen
confirm-title = Sind Sie es wirklich?
confirm-lead = { $app } bittet Sie, Ihr Passwort noch einmal einzugeben.
confirm = Bestätigen
not-you = Nicht Sie? Anderes Konto verwenden

# Welches Konto
choose-title = Konto auswählen
continue-as = Weiter als { $user }

# Ein Konto bekommen
register-offer = Konto anlegen
register-title = Konto anlegen
register-name = Voller Name
register-optional = (freiwillig)
register-email = E-Mail-Adresse
register-password-again = Passwort noch einmal
register = Konto anlegen
register-instead = Ich habe ein Konto
registered-title = Bitte sehen Sie in Ihr Postfach
registered-lead = Wir haben einen Brief an { $email } geschickt.
registered-next = Öffnen Sie den Link darin innerhalb von 24 Stunden, am besten in diesem Browser: Dann geht es von hier aus weiter. Kommt nichts an, sehen Sie bei der unerwünschten Post nach oder registrieren Sie sich noch einmal.
activate-title = Legen Sie Ihr Konto an
activate-lead = Das Konto { $user } ist fast da.
activate-username = Diesen Namen hat inzwischen jemand anderes. Bitte wählen Sie einen anderen.
activate-password = Das ist nicht der Browser, in dem Sie sich registriert haben. Bitte geben Sie das Passwort ein, das Sie dort gewählt haben.
activate = Konto anlegen
activate-not-you = Sie haben sich nicht registriert? Dann schließen Sie diese Seite: Es entsteht kein Konto.
activated-title = Ihr Konto ist da
activated-lead = Melden Sie sich als { $user } mit dem Passwort an, das Sie gewählt haben.

# Zustimmung
consent-title = Darf { $app } Ihr Konto verwenden?
consent-scopes = { $app } möchte:
consent-return = Danach geht es weiter zu { $host }.
consent-return-here = Danach geht es weiter zu einem Programm auf diesem Gerät.
allow = Erlauben
deny = Nicht erlauben
scope-openid = Sie wiedererkennen, wenn Sie zurückkommen
scope-profile = Ihren Namen und Benutzernamen sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-groups = sehen, in welchen Gruppen Sie sind
scope-roles = sehen, welche Rollen Sie haben
scope-offline-access = diesen Zugang behalten, während Sie abwesend sind
scope-address = Ihre Postanschrift sehen
scope-phone = Ihre Telefonnummer sehen
scope-other = die Berechtigung „{ $scope }“ nutzen

# Geräte
device-title = Gerät verbinden
device-lead = Geben Sie den Code ein, den Ihr Gerät anzeigt.
device-code = Code
device-phone = Oder scannen Sie dies mit einem Telefon, um dort weiterzumachen:
device-qr = QR-Code mit der Adresse dieser Seite
device-consent-title = { $app } auf Ihrem Gerät anmelden?
device-compare = Ihr Gerät muss diesen Code anzeigen: { $code }
device-warning = Hat Ihnen jemand diesen Code oder Link geschickt? Dann erlauben Sie es nicht: Diese Person wäre sonst als Sie angemeldet.
device-done-title = Ihr Gerät ist verbunden
device-done-lead = Sie können diese Seite schließen und mit { $app } auf Ihrem Gerät weitermachen.
device-denied-title = Ihr Gerät wurde nicht verbunden
device-denied-lead = { $app } hat keinen Zugriff auf Ihr Konto erhalten. Sie können diese Seite schließen.

# Zweiter Faktor
later = Jetzt nicht
other-method = Auf andere Weise
method-title = Wie möchten Sie sich ausweisen?
to-continue-note = Danach geht es weiter zu { $app }.
enrol-title = Authenticator-App einrichten
enrol-lead = { $app } verlangt neben dem Passwort einen zweiten Nachweis.
enrol-scan = Scannen Sie dieses Bild mit Ihrer Authenticator-App.
enrol-qr = QR-Code mit dem Schlüssel für Ihre Authenticator-App
enrol-open = In der App auf diesem Gerät öffnen
enrol-type = Oder geben Sie diesen Schlüssel ein:
enrol-form = Mit diesem Hash, dieser Zahl von Ziffern und diesem Abstand:
enrol-code = Geben Sie dann die Ziffern ein, die sie anzeigt
codes-title = Bewahren Sie diese Wiederherstellungs{"\u00AD"}codes auf
codes-lead = Jeder meldet Sie einmal an, wenn Sie Telefon oder Schlüssel nicht zur Hand haben. Sie werden nicht noch einmal angezeigt.
codes-kept = Ich habe sie aufbewahrt

# Startseite
welcome = Guten Tag, { $name }
your-apps = Ihre Apps
no-apps = Hier gibt es noch keine Apps für Sie.
sign-out = Abmelden

# Abmelden
sign-out-title = Möchten Sie sich abmelden?
sign-out-asked = { $app } bittet darum, Sie abzumelden.
stay = Angemeldet bleiben
signed-out-title = Sie sind abgemeldet
signed-out-lead = Schließen Sie an einem gemeinsam genutzten Computer bitte auch alle Browserfenster.
back-to = Zurück zu { $app }
back = Zurück
sign-in-again = Neu anmelden

# Zurück zur App
form-post-title = Einen Moment …
form-post-lead = Es geht zurück zu { $app }. Wenn nichts passiert, drücken Sie bitte auf die Schaltfläche.
continue = Weiter

# Das eigene Konto
account-title = Ihr Konto
account-password = Passwort
account-change-password = Passwort ändern
account-factors = Zweite Nachweise
account-no-factors = Noch keiner: Wer Ihr Passwort kennt, kann sich als Sie anmelden.
account-added = Hinzugefügt { $when }
account-used = zuletzt benutzt { $when }
account-unused = noch nicht benutzt
account-sessions = Wo Sie angemeldet sind
account-this-session = dieser Browser
account-end-session = Dort abmelden
remove = Entfernen
remove-title = Diesen Nachweis entfernen?
remove-lead = Sie können sich damit dann nicht mehr anmelden.
keep = Behalten
rename = Umbenennen
rename-lead = Er heißt { $name }.
rename-field = Neuer Name
new-password-title = Neues Passwort wählen
new-password-lead = Überall sonst werden Sie abgemeldet.
new-password = Neues Passwort
new-password-again = Noch einmal dasselbe
save = Speichern
cancel = Abbrechen

# Von anderswo hereingelassen werden
sign-in-by-phone = Mit dem Telefon anmelden
scan-qr = QR-Code mit der Adresse, die auf dem Telefon zu öffnen ist
scan-type = Oder öffnen Sie dort diese Adresse:
approve-title = Melden Sie sich gerade an?
approve-lead = Jemand möchte sich als Sie bei { $app } anmelden.
approve-pick = Welche Zahl zeigt der andere Bildschirm?
approve-deny = Das bin ich nicht
approve-warning = Wählen Sie nur dann eine Zahl, wenn Sie dies gerade selbst begonnen haben. Niemand darf Sie danach fragen.
approved-title = Fertig
approved-lead = Machen Sie am anderen Bildschirm weiter. Sie können diese Seite schließen.
not-approved-title = Niemand wurde hereingelassen
not-approved-lead = Falls sich jemand anderes als Sie anmelden wollte, ändern Sie bitte Ihr Passwort.

# Codes und Links, die gesendet werden
sign-in-by-link = Link per Mail senden
wait-number = Wählen Sie dann dort diese Zahl:
wait-done = Das habe ich getan
send = Senden
nothing-sent = Es wurde noch nichts gesendet.
send-again = Noch einmal senden
another-qr = Anderen Code zeigen
contact-sent = Ein Code wurde an { $to } gesendet.
contact-code = Sechsstelliger Code
contact-again = Andere Adresse
contact-topic = Abonnieren Sie dieses Thema in Ihrer Push-App und drücken Sie dann den Knopf: Dort kommt ein Code an.

# Fehler
reference = Referenz
details = Angaben der App

# Ein Browser, dem vertraut wird
trust-title = Diesem Browser vertrauen?
trust-lead = Wenn nur Sie ihn benutzen, werden Sie hier seltener gefragt. Vertrauen Sie keinem Browser, den auch andere benutzen.
trust-yes = Vertrauen
trust-no = Jetzt nicht

# Eine Anmeldung, die jemand nicht gemacht hat
not-me-title = Waren Sie das nicht?
not-me-lead = Beendet diese Anmeldung und alles, was Anwendungen durch sie bekommen haben. Der Browser ist nicht mehr bekannt.
not-me-end = Das war ich nicht, beenden
not-me-done-title = Sie ist beendet
not-me-done = Bitte ändern Sie jetzt Ihr Passwort: Wer immer es war, kennt es vielleicht.

account-devices = Browser, die Sie benutzt haben
account-device-trusted = vertraut
account-device-forget = Vergessen

# Notfallcodes
break-glass-title = Notfallzugang
break-glass-lead = Für Administratoren, die sonst nicht hineinkommen. Jeder Code gilt einmal, und die Administratoren erfahren davon.
break-glass-code = Notfallcode
