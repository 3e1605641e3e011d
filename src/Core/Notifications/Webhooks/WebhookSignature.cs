using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>
/// Standard Webhooks signatures: <c>v1,</c> and the base64 HMAC-SHA256 of <c>{id}.{timestamp}.{body}</c>. The header may contain
/// several, separated by spaces, while a secret is rotated. Source: standardwebhooks.com, specification 1.0.0.
/// </summary>
public static class WebhookSignature
{
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <param name="secret">The decoded bytes of a <c>whsec_…</c> secret.</param>
    /// <param name="timestamp">Seconds since 1970, as sent in <c>webhook-timestamp</c>.</param>
    public static string Sign(byte[] secret, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }

    /// <summary>Whether the timestamp is within five minutes of one of the clocks. A sandbox has two: its test clock and real time.</summary>
    public static bool IsTimely(string timestamp, params ReadOnlySpan<DateTimeOffset> clocks)
    {
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return false;
        }

        foreach (var now in clocks)
        {
            if (Math.Abs((decimal)seconds - now.ToUnixTimeSeconds()) <= (decimal)Tolerance.TotalSeconds)
            {
                return true;
            }
        }

        return false;
    }
}
