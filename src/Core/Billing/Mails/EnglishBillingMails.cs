using static ControlPlane.Billing.Mails.MailWriter;

namespace ControlPlane.Billing.Mails;

static class EnglishBillingMails
{
    public static BillingMailText Of(BillingMail mail, MailWriter w) => mail switch
    {
        BillingMail.Preview m => new(
            $"Your next invoice: {w.Euro(m.SoFar)} so far",
            [
                $"The billing period of {w.Organization} ends on {w.Day(m.End.AddDays(-1))}. So far it comes to {w.Euro(m.SoFar)}.",
                Announced(m.Payment, w),
                .. m.IsAddressMissing ? ["Your address is incomplete. Please add it under Billing, so that the invoice is valid for your accounts."] : (string[])[],
                .. m.IsLast ? (string[])[] : ["Would another plan suit you better? You can change or cancel your plan until the period ends; the change then applies from the next period."],
            ],
            m.Payment is ExpectedPayment.MissingMethod ? "Add a payment method" : "View the preview")
        {
            Facts = Facts(("Plan", m.Plan), ("Period", w.Period(m.Start, m.End)), ("Amount so far", w.Euro(m.SoFar))),
            Remarks = ["The amount includes tax and grows with your usage until the end of the period."],
        },
        BillingMail.InvoiceIssued m => new(
            $"Invoice {m.Invoice.Number}: {w.Euro(m.Total)}",
            [
                m.Kind switch
                {
                    "interim" => $"Your interim invoice for usage beyond your plan is attached. It bills what was used from {w.Day(m.Start)} until now and no invoice has billed yet.",
                    "top_up" => "Your invoice for prepaid credit is attached.",
                    _ => $"Your invoice for {w.Period(m.Start, m.End)} is attached.",
                },
                Due(m, w),
            ],
            m.Payment switch { ExpectedPayment.Transfer => "View payment details", ExpectedPayment.MissingMethod => "Pay now", _ => "View the invoice" })
        {
            Facts = [
                .. Facts(("Invoice", m.Invoice.Number), ("Total", w.Euro(m.Total)), ("Amount due", m.Due == m.Total ? null : w.Euro(m.Due))),
                .. m.Payment is ExpectedPayment.Transfer t
                    ? Facts(("Pay by", w.Day(t.DueOn)), ("Account holder", t.AccountHolder), ("IBAN", t.Iban), ("BIC", t.Bic), ("Reference", t.Reference)) : []],
        },
        BillingMail.Receipt m => new(
            $"Payment received for invoice {m.Invoice.Number}", [$"Thank you. We have received your payment of {w.Euro(m.Amount)}. There is nothing left to do."], "Download the receipt")
        {
            Facts = Facts(("Invoice", m.Invoice.Number), ("Amount", w.Euro(m.Amount)), ("Received on", w.Day(m.PaidAt)), ("Paid with", m.Method ?? "Bank transfer")),
        },
        BillingMail.DebitStarted m => new(
            $"{w.Euro(m.Amount)} will be debited for invoice {m.Invoice.Number}",
            [$"We have asked your bank to debit {w.Euro(m.Amount)} from {m.Method}. That usually takes up to {m.WorkingDays} working days.", "Nothing changes for you meanwhile. Please make sure that the account has sufficient funds."],
            "View the invoice"),
        BillingMail.PaymentFailed m => new(
            m.Reason == FailureReason.TransferOverdue ? $"Invoice {m.Invoice.Number} is overdue" : $"Your payment for invoice {m.Invoice.Number} failed",
            [
                Reason(m, w),
                m.NextAttemptAt is { } next ? $"We will try again on {w.Time(next)}. You can also pay now." : Ask(m.Reason),
                .. Consequence(m, w) is { } consequence ? [consequence] : (string[])[],
            ],
            m.Reason == FailureReason.TransferOverdue ? "View payment details" : "Pay now")
        { Facts = Facts(("Invoice", m.Invoice.Number), ("Open amount", w.Euro(m.Amount))), Remarks = [AlreadyPaid] },
        BillingMail.PaymentReversed m => new(
            $"Your payment for invoice {m.Invoice.Number} was reversed",
            [
                m.Reason switch
                {
                    ReversalReason.Dispute => $"The payment of {w.Euro(m.Amount)} was disputed, and your bank has taken it back.",
                    ReversalReason.ReturnedDebit => $"Your bank has returned the debit of {w.Euro(m.Amount)}.",
                    _ => $"Your transfer of {w.Euro(m.Amount)} was returned.",
                },
                m.WorksUntil is { } until
                    ? $"The invoice is open again. Please pay it by {w.Time(until)}. Until then everything keeps working."
                    : "The invoice is open again. Please pay it now.",
            ],
            "Pay now")
        {
            Facts = Facts(("Invoice", m.Invoice.Number), ("Open amount", w.Euro(m.Amount))),
            Remarks = [$"Is something on the invoice wrong? Write to {w.Contact}, and we will correct it."],
        },
        BillingMail.Reminder m => new(
            $"Reminder: {w.Euro(m.Open)} is unpaid",
            [
                $"Invoice {m.Invoice.Number} is still unpaid. From now on only local models answer; calls to all other models are denied.",
                $"If we do not receive a payment, your environment is stopped on {w.Time(m.SuspendsAt)}.", "Once you have paid, everything works again at once.",
            ],
            "Pay now")
        { Facts = Facts(("Invoice", m.Invoice.Number), ("Open amount", w.Euro(m.Open)), ("Environment stops on", w.Day(m.SuspendsAt))), Remarks = [AlreadyPaid] },
        BillingMail.Suspended m => new(
            "Your environment has been stopped",
            [
                $"Invoice {m.Invoice.Number} is still unpaid. The environment of {w.Organization} has been stopped, and all calls are denied.",
                $"Your data is kept until {w.Day(m.DeletesAt)}. Then the environment is deleted with all chats, files and accounts in it.", "Once you have paid, the environment starts again.",
            ],
            "Pay now")
        { Facts = Facts(("Invoice", m.Invoice.Number), ("Open amount", w.Euro(m.Open)), ("Deletion on", w.Day(m.DeletesAt))), Remarks = [AlreadyPaid] },
        BillingMail.Reactivated m => new(
            "Everything is running again", [$"Thank you, your account is settled. The environment of {w.Organization} is starting, and calls are answered again.", $"Your {m.Plan} plan continues."], "Open the dashboard"),
        BillingMail.Closing m => new(
            $"Your environment will be deleted on {w.Day(m.DeletesAt)}",
            [
                m.Unpaid is null ? $"The plan of {w.Organization} has ended." : $"Invoice {m.Unpaid.Number} of {w.Organization} is still unpaid.",
                $"On {w.Time(m.DeletesAt)} the environment is deleted with all chats, files and accounts in it. This cannot be undone.",
                m.Unpaid is null ? "To keep everything, choose a plan before that day." : "To keep everything, pay before that day.",
            ],
            m.Unpaid is null ? "Choose a plan" : "Pay now")
        { Facts = m.Unpaid is null ? [] : Facts(("Invoice", m.Unpaid.Number), ("Open amount", w.Euro(m.Open))) },
        BillingMail.Closed m => new(
            "Your environment has been deleted",
            [
                $"The environment of {w.Organization} has been deleted with all chats, files and accounts in it. Invoices are kept as the law requires.",
                $"We keep a last copy until {w.Day(m.CopyUntil)}, in case you come back and ask for it. Then it is deleted, too.",
                m.Unpaid is null ? "You are welcome to sign up again at any time." : $"Invoice {m.Unpaid.Number} for {w.Euro(m.Open)} is still open. You can pay it without signing in.",
                .. m.OpenInTotal > m.Open ? [$"All your open invoices come to {w.Euro(m.OpenInTotal)}."] : (string[])[],
            ],
            m.Unpaid is null ? "Sign up again" : "Pay now"),
        BillingMail.PlanChanged m => new(
            $"You are now on the {m.Plan} plan", [$"The {m.Plan} plan of {w.Organization} is in effect. Nothing is charged today: the amount is on the invoice of {w.Day(m.InvoicedOn)}."], "View your plan")
        {
            Facts = Facts(
                ("In effect since", w.Time(m.EffectiveAt)), ("This period so far", m.ThisPeriod is { } now ? w.Euro(now) : null),
                ("Next period", m.NextPeriod is { } next ? w.Euro(next) : "as agreed"),
                ("Tokens included this period", m.Allowance is { } tokens ? w.Language.Count(tokens) : "unlimited")),
            Remarks = ["Amounts include tax. This period is charged for the time on each plan. Usage beyond the included tokens is added."],
        },
        BillingMail.ChangeScheduled m => new(
            $"Your plan changes to {m.Next} on {w.Day(m.EffectiveOn)}",
            [$"Until then {w.Organization} keeps the {m.Present} plan with everything in it. You can undo the change until that day."], "View your plan")
        { Facts = Facts(("From", w.Day(m.EffectiveOn)), ("Plan", m.Next), ("First period", m.NextPeriod is { } price ? $"{w.Euro(price)}, tax included" : "as agreed")) },
        BillingMail.ChangeUndone m => new($"You stay on the {m.Plan} plan", [$"The scheduled change was undone. {w.Organization} stays on the {m.Plan} plan."], "View your plan"),
        BillingMail.Cancelled m => new(
            $"Your plan ends on {w.Day(m.EndsOn.AddDays(-1))}",
            [
                $"The {m.Plan} plan of {w.Organization} is cancelled. Until the end of {w.Day(m.EndsOn.AddDays(-1))} everything works as before; a last invoice follows.",
                $"Then the environment is stopped. It is kept until {w.Day(m.KeptUntil)} and then deleted with all chats, files and accounts in it.", "You can undo the cancellation until the plan ends.",
            ],
            "Keep my plan"),
        BillingMail.CancellationUndone m => new("Your plan continues", [$"The cancellation was undone. {w.Organization} stays on the {m.Plan} plan."], "View your plan"),
        BillingMail.Ended m => new(
            "Your plan has ended",
            [
                $"The {m.Plan} plan of {w.Organization} has ended. The environment is stopped, and calls are denied.",
                $"Your data is kept until {w.Day(m.KeptUntil)}. Choose a plan before that day, and the environment starts again with everything in it.",
            ],
            "Choose a plan"),
        BillingMail.CreditNote m => new(
            $"Correction {m.Number} of invoice {m.Invoice.Number}: {w.Euro(m.Amount)} less", [$"We have corrected invoice {m.Invoice.Number}. The correction {m.Number} is attached."], "View the invoice")
        {
            Facts = Facts(
                ("Correction", m.Number), ("Amount", w.Euro(m.Amount)), ("Taken off the open amount", Positive(m.ToOpen, w)), ("To be refunded", Positive(m.ToRefund, w)),
                ("Kept for your next invoice", Positive(m.ToBalance, w))),
        },
        BillingMail.Refunded m => new(
            $"We have refunded {w.Euro(m.Amount)}", [$"The refund for invoice {m.Invoice.Number} is on its way{(m.Method is null ? "" : $" to {m.Method}")}. Banks usually take 5 to 10 working days."], "View the invoice"),
        BillingMail.CardExpiring m => new(
            "Your card expires soon", [$"{m.Method} expires on {w.Day(m.ExpiresOn)}. The next payment is due on {w.Day(m.NextCharge)}.", "Please add your new card, so that the payment succeeds."], "Update the card"),
        BillingMail.VatIdInvalid m => new(
            "Your VAT ID could not be confirmed",
            [$"The EU register (VIES) does not know the VAT ID {m.VatId}. Please check it.", "Until a VAT ID is confirmed, we have to charge VAT on your invoices."], "Check the VAT ID"),
        _ => throw new InvalidOperationException($"No text for {mail.GetType().Name}."),
    };

    const string AlreadyPaid = "Have you paid in the meantime? Then you can ignore this email.";

    static string Announced(ExpectedPayment payment, MailWriter w) => payment switch
    {
        ExpectedPayment.Charge charge => $"We will charge the final amount to {charge.Method} on {w.Time(charge.At)}.",
        ExpectedPayment.Transfer transfer => $"The invoice follows when the period has ended. Please pay it by bank transfer by {w.Day(transfer.DueOn)}.",
        ExpectedPayment.MissingMethod missing => $"You have no payment method yet. Please add one by {w.Time(missing.At)}, when the invoice is due.",
        _ => "At the moment there is nothing to pay.",
    };

    static string Due(BillingMail.InvoiceIssued m, MailWriter w) => m.Payment switch
    {
        ExpectedPayment.Charge charge => $"We will charge {w.Euro(m.Due)} to {charge.Method} on {w.Time(charge.At)}. You don't need to do anything.",
        ExpectedPayment.Transfer transfer => $"Please transfer {w.Euro(m.Due)} by {w.Day(transfer.DueOn)} and give the reference {transfer.Reference}.",
        ExpectedPayment.MissingMethod missing => $"You have no payment method yet. Please pay {w.Euro(m.Due)} by {w.Time(missing.At)}.",
        _ => "There is nothing to pay.",
    };

    static string Reason(BillingMail.PaymentFailed m, MailWriter w) => m.Reason switch
    {
        FailureReason.InsufficientFunds => $"Your bank declined the payment of {w.Euro(m.Amount)}{With(m)}, because the account has insufficient funds.",
        FailureReason.ExpiredCard => $"We could not charge {w.Euro(m.Amount)}{With(m)}, because the card has expired.",
        FailureReason.AuthenticationRequired => $"Your bank asks you to confirm the payment of {w.Euro(m.Amount)}{With(m)} yourself.",
        FailureReason.NoMethod => $"We could not charge {w.Euro(m.Amount)}, because you have no payment method yet.",
        FailureReason.MethodRefused => $"Your bank declined the payment of {w.Euro(m.Amount)}{With(m)}. It cannot be tried again with this payment method.",
        FailureReason.TransferOverdue => $"We have not received your transfer of {w.Euro(m.Amount)} yet.",
        _ => $"Your bank declined the payment of {w.Euro(m.Amount)}{With(m)}.",
    };

    static string? Consequence(BillingMail.PaymentFailed m, MailWriter w) => (m.StopsOverage, m.WorksUntil) switch
    {
        (false, null) => null,
        (false, { } until) => $"Everything keeps working until {w.Time(until)}. Without a payment, only local models will answer after that.",
        (_, null) => "Usage beyond your plan is denied until it is paid.",
        (_, { } until) => $"Usage beyond your plan is denied until it is paid. Without a payment, only local models will answer after {w.Time(until)}.",
    };

    static string Ask(FailureReason reason) => reason switch
    {
        FailureReason.AuthenticationRequired => "Please open the invoice and confirm the payment.",
        FailureReason.ExpiredCard => "Please pay with another card, which is then used from now on.",
        FailureReason.TransferOverdue => "Please transfer the amount now.",
        FailureReason.NoMethod => "Please add a payment method. The invoice is then paid at once.",
        _ => "Please pay with another payment method.",
    };

    static string With(BillingMail.PaymentFailed m) => m.Method is null ? "" : $" with {m.Method}";

    static string? Positive(decimal amount, MailWriter w) => amount > 0 ? w.Euro(amount) : null;
}
