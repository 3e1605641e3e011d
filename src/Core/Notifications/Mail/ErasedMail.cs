namespace ControlPlane.Notifications.Mail;

/// <summary>The mail to one person, when their data is erased.</summary>
public static class ErasedMail
{
    /// <summary>Deletes all mail to an address, sent or not, and its suppression. Invoices are kept with the invoices, not with the mail.</summary>
    /// <returns>How many mails were deleted.</returns>
    public static async Task<int> DeleteMailToAsync(this Transaction transaction, string email, CancellationToken ct)
    {
        await transaction.ExecuteAsync("delete from control.mail_suppression where address = lower($1)", ct, email);
        return await transaction.ExecuteAsync("delete from control.outbox where lower(recipient) = lower($1)", ct, email);
    }
}
