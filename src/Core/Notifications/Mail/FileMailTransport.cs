using System.Globalization;
using MimeKit;

namespace ControlPlane.Notifications.Mail;

/// <summary>Writes each message to a folder as an .eml file, for installations without a mail server.</summary>
public sealed class FileMailTransport(string folder) : IMailTransport
{
    public async Task<SendResult> SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        // The name depends on the row only: a repeated send after a crash replaces the file.
        var name = string.Create(CultureInfo.InvariantCulture, $"{mail.CreatedAt.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{mail.Id}.eml");
        var unfinished = Path.Combine(folder, $".{name}.{Environment.ProcessId}");
        using var message = MimeMessageFactory.Create(mail);
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = message.RequiresSmtpUtf8();
        try
        {
            CreateFolder();
            await using (var file = File.Create(unfinished))
            {
                await message.WriteToAsync(format, file, ct);
            }

            File.Move(unfinished, Path.Combine(folder, name), overwrite: true);
            return new SendResult.Sent();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new SendResult.Unavailable(e.Message);
        }
    }

    // Accessible to its owner only: mails contain links that sign people in.
    void CreateFolder()
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
