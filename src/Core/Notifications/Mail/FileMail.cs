using System.Globalization;

namespace ControlPlane.Notifications.Mail;

/// <summary>Puts each message as a file into a folder, for installations without a mail server.</summary>
public sealed class FileMail(string folder) : IMailTransport
{
    public async Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        // Same row, same name: sending again after a crash replaces the file instead of adding one.
        var name = string.Create(CultureInfo.InvariantCulture, $"{mail.CreatedAt.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{mail.Id}.eml");
        var unfinished = Path.Combine(folder, $".{name}.{Environment.ProcessId}");
        try
        {
            MakeFolder();
            await File.WriteAllBytesAsync(unfinished, MimeText.Write(mail), ct);
            File.Move(unfinished, Path.Combine(folder, name), overwrite: true);
            return new SendResult.Sent();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new SendResult.Away(e.Message);
        }
    }

    // Mails hold links that sign people in.
    void MakeFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
