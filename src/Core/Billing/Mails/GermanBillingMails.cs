using static ControlPlane.Billing.Mails.MailWriter;

namespace ControlPlane.Billing.Mails;

static class GermanBillingMails
{
    public static BillingMailText Of(BillingMail mail, MailWriter w) => mail switch
    {
        BillingMail.Preview m => new(
            $"Ihre nächste Rechnung: bisher {w.Euro(m.SoFar)}",
            [
                $"Der Abrechnungszeitraum von {w.Organization} endet am {w.Day(m.End.AddDays(-1))}. Bisher sind {w.Euro(m.SoFar)} angefallen.",
                Announced(m.Payment, w),
                .. m.IsAddressMissing ? ["Ihre Anschrift ist unvollständig. Bitte ergänzen Sie sie unter Billing, damit die Rechnung für Ihre Buchhaltung gültig ist."] : (string[])[],
                .. m.IsLast ? (string[])[] : ["Passt ein anderer Tarif besser? Bis zum Ende des Zeitraums können Sie den Tarif wechseln oder kündigen; die Änderung gilt ab dem nächsten Zeitraum."],
            ],
            m.Payment is ExpectedPayment.MissingMethod ? "Zahlungsart hinterlegen" : "Vorschau ansehen")
        {
            Facts = Facts(("Tarif", m.Plan), ("Zeitraum", w.Period(m.Start, m.End)), ("Bisheriger Betrag", w.Euro(m.SoFar))),
            Remarks = ["Der Betrag enthält die Steuer und steigt bis zum Ende des Zeitraums mit Ihrer Nutzung."],
        },
        BillingMail.InvoiceIssued m => new(
            $"Rechnung {m.Invoice.Number}: {w.Euro(m.Total)}",
            [
                m.Kind switch
                {
                    "interim" => $"Ihre Zwischenrechnung für Nutzung über den Tarif hinaus ist angehängt. Sie enthält, was seit dem {w.Day(m.Start)} genutzt und noch nicht berechnet wurde.",
                    "top_up" => "Ihre Rechnung für Guthaben ist angehängt.",
                    _ => $"Ihre Rechnung für den Zeitraum {w.Period(m.Start, m.End)} ist angehängt.",
                },
                Due(m, w),
            ],
            m.Payment switch { ExpectedPayment.Transfer => "Zahlungsdaten ansehen", ExpectedPayment.MissingMethod => "Jetzt bezahlen", _ => "Rechnung ansehen" })
        {
            Facts = [
                .. Facts(("Rechnung", m.Invoice.Number), ("Rechnungsbetrag", w.Euro(m.Total)), ("Zu zahlen", m.Due == m.Total ? null : w.Euro(m.Due))),
                .. m.Payment is ExpectedPayment.Transfer t
                    ? Facts(("Zahlbar bis", w.Day(t.DueOn)), ("Empfänger", t.AccountHolder), ("IBAN", t.Iban), ("BIC", t.Bic), ("Verwendungszweck", t.Reference)) : []],
        },
        BillingMail.Receipt m => new(
            $"Zahlung für Rechnung {m.Invoice.Number} erhalten", [$"Vielen Dank. Ihre Zahlung über {w.Euro(m.Amount)} ist eingegangen. Sie müssen nichts weiter tun."], "Zahlungsbeleg herunterladen")
        {
            Facts = Facts(("Rechnung", m.Invoice.Number), ("Betrag", w.Euro(m.Amount)), ("Eingegangen am", w.Day(m.PaidAt)), ("Zahlungsart", m.Method ?? "Überweisung")),
        },
        BillingMail.DebitStarted m => new(
            $"{w.Euro(m.Amount)} werden für Rechnung {m.Invoice.Number} abgebucht",
            [$"Wir haben Ihre Bank beauftragt, {w.Euro(m.Amount)} von Ihrem Konto ({m.Method}) abzubuchen. Das dauert in der Regel bis zu {m.WorkingDays} Werktage.", "Für Sie ändert sich in dieser Zeit nichts. Bitte sorgen Sie dafür, dass das Konto gedeckt ist."],
            "Rechnung ansehen"),
        BillingMail.PaymentFailed m => new(
            m.Reason == FailureReason.TransferOverdue ? $"Rechnung {m.Invoice.Number} ist überfällig" : $"Ihre Zahlung für Rechnung {m.Invoice.Number} ist fehlgeschlagen",
            [
                Reason(m, w),
                m.NextAttemptAt is { } next ? $"Wir versuchen es am {w.Time(next)} noch einmal. Sie können auch jetzt bezahlen." : Ask(m.Reason),
                .. Consequence(m, w) is { } consequence ? [consequence] : (string[])[],
            ],
            m.Reason == FailureReason.TransferOverdue ? "Zahlungsdaten ansehen" : "Jetzt bezahlen")
        { Facts = Facts(("Rechnung", m.Invoice.Number), ("Offener Betrag", w.Euro(m.Amount))), Remarks = [AlreadyPaid] },
        BillingMail.PaymentReversed m => new(
            $"Ihre Zahlung für Rechnung {m.Invoice.Number} wurde zurückgebucht",
            [
                m.Reason switch
                {
                    ReversalReason.Dispute => $"Der Zahlung über {w.Euro(m.Amount)} wurde widersprochen, und Ihre Bank hat sie zurückgebucht.",
                    ReversalReason.ReturnedDebit => $"Ihre Bank hat die Lastschrift über {w.Euro(m.Amount)} zurückgegeben.",
                    _ => $"Ihre Überweisung über {w.Euro(m.Amount)} wurde zurückgegeben.",
                },
                m.WorksUntil is { } until
                    ? $"Die Rechnung ist damit wieder offen. Bitte bezahlen Sie sie bis zum {w.Time(until)}. Bis dahin funktioniert alles wie gewohnt."
                    : "Die Rechnung ist damit wieder offen. Bitte bezahlen Sie sie jetzt.",
            ],
            "Jetzt bezahlen")
        {
            Facts = Facts(("Rechnung", m.Invoice.Number), ("Offener Betrag", w.Euro(m.Amount))),
            Remarks = [$"Stimmt etwas an der Rechnung nicht? Schreiben Sie an {w.Contact}, dann berichtigen wir sie."],
        },
        BillingMail.Reminder m => new(
            $"Zahlungserinnerung: {w.Euro(m.Open)} sind offen",
            [
                $"Rechnung {m.Invoice.Number} ist noch nicht bezahlt. Ab jetzt antworten nur noch lokale Modelle; Anfragen an alle anderen werden abgelehnt.",
                $"Wenn keine Zahlung eingeht, wird Ihre Umgebung am {w.Time(m.SuspendsAt)} angehalten.", "Sobald Sie bezahlt haben, funktioniert alles sofort wieder.",
            ],
            "Jetzt bezahlen")
        { Facts = Facts(("Rechnung", m.Invoice.Number), ("Offener Betrag", w.Euro(m.Open)), ("Umgebung wird angehalten am", w.Day(m.SuspendsAt))), Remarks = [AlreadyPaid] },
        BillingMail.Suspended m => new(
            "Ihre Umgebung wurde angehalten",
            [
                $"Rechnung {m.Invoice.Number} ist noch nicht bezahlt. Die Umgebung von {w.Organization} wurde angehalten, und alle Anfragen werden abgelehnt.",
                $"Ihre Daten bleiben bis zum {w.Day(m.DeletesAt)} erhalten. Dann wird die Umgebung mit allen Chats, Dateien und Konten darin gelöscht.", "Sobald Sie bezahlt haben, startet die Umgebung wieder.",
            ],
            "Jetzt bezahlen")
        { Facts = Facts(("Rechnung", m.Invoice.Number), ("Offener Betrag", w.Euro(m.Open)), ("Löschung am", w.Day(m.DeletesAt))), Remarks = [AlreadyPaid] },
        BillingMail.Reactivated m => new(
            "Alles läuft wieder", [$"Vielen Dank, Ihr Konto ist ausgeglichen. Die Umgebung von {w.Organization} startet, und Anfragen werden wieder beantwortet.", $"Ihr Tarif {m.Plan} läuft weiter."], "Übersicht öffnen"),
        BillingMail.Closing m => new(
            $"Ihre Umgebung wird am {w.Day(m.DeletesAt)} gelöscht",
            [
                m.Unpaid is null ? $"Der Tarif von {w.Organization} ist beendet." : $"Rechnung {m.Unpaid.Number} von {w.Organization} ist noch nicht bezahlt.",
                $"Am {w.Time(m.DeletesAt)} wird die Umgebung mit allen Chats, Dateien und Konten darin gelöscht. Das lässt sich nicht rückgängig machen.",
                m.Unpaid is null ? "Wenn Sie alles behalten möchten, wählen Sie vorher einen Tarif." : "Wenn Sie alles behalten möchten, bezahlen Sie die Rechnung vorher.",
            ],
            m.Unpaid is null ? "Tarif wählen" : "Jetzt bezahlen")
        { Facts = m.Unpaid is null ? [] : Facts(("Rechnung", m.Unpaid.Number), ("Offener Betrag", w.Euro(m.Open))) },
        BillingMail.Closed m => new(
            "Ihre Umgebung wurde gelöscht",
            [
                $"Die Umgebung von {w.Organization} wurde mit allen Chats, Dateien und Konten darin gelöscht. Rechnungen bewahren wir so lange auf, wie es das Gesetz verlangt.",
                $"Eine letzte Kopie bewahren wir bis zum {w.Day(m.CopyUntil)} auf, falls Sie zurückkommen und danach fragen. Dann wird auch sie gelöscht.",
                m.Unpaid is null ? "Sie können sich jederzeit neu registrieren." : $"Rechnung {m.Unpaid.Number} über {w.Euro(m.Open)} ist noch offen. Sie können sie ohne Anmeldung bezahlen.",
                .. m.OpenInTotal > m.Open ? [$"Alle offenen Rechnungen zusammen betragen {w.Euro(m.OpenInTotal)}."] : (string[])[],
            ],
            m.Unpaid is null ? "Neu registrieren" : "Jetzt bezahlen"),
        BillingMail.PlanChanged m => new(
            $"Ihr Tarif ist jetzt {m.Plan}", [$"Für {w.Organization} gilt jetzt der Tarif {m.Plan}. Heute wird nichts abgebucht: Der Betrag steht auf der Rechnung vom {w.Day(m.InvoicedOn)}."], "Tarif ansehen")
        {
            Facts = Facts(
                ("Gültig seit", w.Time(m.EffectiveAt)), ("Dieser Zeitraum bisher", m.ThisPeriod is { } now ? w.Euro(now) : null),
                ("Nächster Zeitraum", m.NextPeriod is { } next ? w.Euro(next) : "wie vereinbart"),
                ("Tokens in diesem Zeitraum", m.Allowance is { } tokens ? w.Language.Count(tokens) : "unbegrenzt")),
            Remarks = ["Alle Beträge enthalten die Steuer. Dieser Zeitraum wird nach der Zeit in jedem Tarif berechnet. Nutzung über die enthaltenen Tokens hinaus kommt hinzu."],
        },
        BillingMail.ChangeScheduled m => new(
            $"Ihr Tarif wechselt am {w.Day(m.EffectiveOn)} zu {m.Next}",
            [$"Bis dahin behält {w.Organization} den Tarif {m.Present} mit allem, was dazugehört. Bis zu diesem Tag können Sie den Wechsel rückgängig machen."], "Tarif ansehen")
        { Facts = Facts(("Ab", w.Day(m.EffectiveOn)), ("Tarif", m.Next), ("Erster Zeitraum", m.NextPeriod is { } price ? $"{w.Euro(price)} mit Steuer" : "wie vereinbart")) },
        BillingMail.ChangeUndone m => new($"Ihr Tarif bleibt {m.Plan}", [$"Der geplante Wechsel wurde rückgängig gemacht. {w.Organization} behält den Tarif {m.Plan}."], "Tarif ansehen"),
        BillingMail.Cancelled m => new(
            $"Ihr Tarif endet am {w.Day(m.EndsOn.AddDays(-1))}",
            [
                $"Der Tarif {m.Plan} von {w.Organization} ist gekündigt. Bis zum Ende des {w.Day(m.EndsOn.AddDays(-1))} funktioniert alles wie gewohnt; danach folgt eine letzte Rechnung.",
                $"Dann wird die Umgebung angehalten. Sie bleibt bis zum {w.Day(m.KeptUntil)} erhalten und wird dann mit allen Chats, Dateien und Konten darin gelöscht.", "Bis zum Ende des Tarifs können Sie die Kündigung zurücknehmen.",
            ],
            "Tarif behalten"),
        BillingMail.CancellationUndone m => new("Ihr Tarif läuft weiter", [$"Die Kündigung wurde zurückgenommen. {w.Organization} behält den Tarif {m.Plan}."], "Tarif ansehen"),
        BillingMail.Ended m => new(
            "Ihr Tarif ist beendet",
            [
                $"Der Tarif {m.Plan} von {w.Organization} ist beendet. Die Umgebung ist angehalten, und Anfragen werden abgelehnt.",
                $"Ihre Daten bleiben bis zum {w.Day(m.KeptUntil)} erhalten. Wenn Sie vorher einen Tarif wählen, startet die Umgebung wieder mit allem darin.",
            ],
            "Tarif wählen"),
        BillingMail.CreditNote m => new(
            $"Korrektur {m.Number} zu Rechnung {m.Invoice.Number}: {w.Euro(m.Amount)} weniger", [$"Wir haben Rechnung {m.Invoice.Number} berichtigt. Die Rechnungskorrektur {m.Number} ist angehängt."], "Rechnung ansehen")
        {
            Facts = Facts(
                ("Rechnungskorrektur", m.Number), ("Betrag", w.Euro(m.Amount)), ("Vom offenen Betrag abgezogen", Positive(m.ToOpen, w)), ("Wird erstattet", Positive(m.ToRefund, w)),
                ("Für Ihre nächste Rechnung", Positive(m.ToBalance, w))),
        },
        BillingMail.Refunded m => new(
            $"Wir haben {w.Euro(m.Amount)} erstattet", [$"Die Erstattung zu Rechnung {m.Invoice.Number} ist{(m.Method is null ? "" : $" an {m.Method}")} unterwegs. Banken brauchen dafür in der Regel 5 bis 10 Werktage."], "Rechnung ansehen"),
        BillingMail.CardExpiring m => new(
            "Ihre Karte läuft bald ab", [$"{m.Method} läuft am {w.Day(m.ExpiresOn)} ab. Die nächste Zahlung ist am {w.Day(m.NextCharge)} fällig.", "Bitte hinterlegen Sie Ihre neue Karte, damit die Zahlung gelingt."], "Karte aktualisieren"),
        BillingMail.VatIdInvalid m => new(
            "Ihre USt-IdNr. konnte nicht bestätigt werden",
            [$"Das EU-Register (VIES) kennt die USt-IdNr. {m.VatId} nicht. Bitte prüfen Sie sie.", "Solange keine USt-IdNr. bestätigt ist, müssen wir auf Ihren Rechnungen Umsatzsteuer berechnen."], "USt-IdNr. prüfen"),
        _ => throw new InvalidOperationException($"No text for {mail.GetType().Name}."),
    };

    const string AlreadyPaid = "Haben Sie inzwischen bezahlt? Dann können Sie diese E-Mail ignorieren.";

    static string Announced(ExpectedPayment payment, MailWriter w) => payment switch
    {
        ExpectedPayment.Charge charge => $"Den endgültigen Betrag buchen wir am {w.Time(charge.At)} von {charge.Method} ab.",
        ExpectedPayment.Transfer transfer => $"Nach dem Ende des Zeitraums erhalten Sie die Rechnung. Bitte überweisen Sie den Betrag bis zum {w.Day(transfer.DueOn)}.",
        ExpectedPayment.MissingMethod missing => $"Sie haben noch keine Zahlungsart hinterlegt. Bitte holen Sie das bis zum {w.Time(missing.At)} nach; dann ist die Rechnung fällig.",
        _ => "Zurzeit ist nichts zu bezahlen.",
    };

    static string Due(BillingMail.InvoiceIssued m, MailWriter w) => m.Payment switch
    {
        ExpectedPayment.Charge charge => $"Wir buchen {w.Euro(m.Due)} am {w.Time(charge.At)} von {charge.Method} ab. Sie müssen nichts tun.",
        ExpectedPayment.Transfer transfer => $"Bitte überweisen Sie {w.Euro(m.Due)} bis zum {w.Day(transfer.DueOn)} mit dem Verwendungszweck {transfer.Reference}.",
        ExpectedPayment.MissingMethod missing => $"Sie haben noch keine Zahlungsart hinterlegt. Bitte bezahlen Sie {w.Euro(m.Due)} bis zum {w.Time(missing.At)}.",
        _ => "Es ist nichts zu bezahlen.",
    };

    static string Reason(BillingMail.PaymentFailed m, MailWriter w) => m.Reason switch
    {
        FailureReason.InsufficientFunds => $"Ihre Bank hat die Zahlung von {w.Euro(m.Amount)}{With(m)} abgelehnt, weil das Konto nicht gedeckt ist.",
        FailureReason.ExpiredCard => $"Wir konnten {w.Euro(m.Amount)}{With(m)} nicht abbuchen, weil die Karte abgelaufen ist.",
        FailureReason.AuthenticationRequired => $"Ihre Bank verlangt, dass Sie die Zahlung von {w.Euro(m.Amount)}{With(m)} selbst bestätigen.",
        FailureReason.NoMethod => $"Wir konnten {w.Euro(m.Amount)} nicht abbuchen, weil noch keine Zahlungsart hinterlegt ist.",
        FailureReason.MethodRefused => $"Ihre Bank hat die Zahlung von {w.Euro(m.Amount)}{With(m)} abgelehnt. Mit dieser Zahlungsart ist kein weiterer Versuch möglich.",
        FailureReason.TransferOverdue => $"Ihre Überweisung über {w.Euro(m.Amount)} ist noch nicht eingegangen.",
        _ => $"Ihre Bank hat die Zahlung von {w.Euro(m.Amount)}{With(m)} abgelehnt.",
    };

    static string? Consequence(BillingMail.PaymentFailed m, MailWriter w) => (m.StopsOverage, m.WorksUntil) switch
    {
        (false, null) => null,
        (false, { } until) => $"Bis zum {w.Time(until)} funktioniert alles wie gewohnt. Danach antworten ohne Zahlung nur noch lokale Modelle.",
        (_, null) => "Bis zur Zahlung wird Nutzung über den Tarif hinaus abgelehnt.",
        (_, { } until) => $"Bis zur Zahlung wird Nutzung über den Tarif hinaus abgelehnt. Ohne Zahlung antworten nach dem {w.Time(until)} nur noch lokale Modelle.",
    };

    static string Ask(FailureReason reason) => reason switch
    {
        FailureReason.AuthenticationRequired => "Bitte öffnen Sie die Rechnung und bestätigen Sie die Zahlung.",
        FailureReason.ExpiredCard => "Bitte bezahlen Sie mit einer anderen Karte; sie wird von da an verwendet.",
        FailureReason.TransferOverdue => "Bitte überweisen Sie den Betrag jetzt.",
        FailureReason.NoMethod => "Bitte hinterlegen Sie eine Zahlungsart. Die Rechnung wird dann sofort bezahlt.",
        _ => "Bitte bezahlen Sie mit einer anderen Zahlungsart.",
    };

    static string With(BillingMail.PaymentFailed m) => m.Method is null ? "" : $" mit {m.Method}";

    static string? Positive(decimal amount, MailWriter w) => amount > 0 ? w.Euro(amount) : null;
}
