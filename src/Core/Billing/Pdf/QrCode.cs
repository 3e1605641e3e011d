using System.Globalization;
using System.Text;
using QRCoder;

namespace ControlPlane.Billing.Pdf;

/// <summary>A QR code with medium error correction, as payment codes need it.</summary>
public sealed class QrCode
{
    /// <summary>Modules that have to stay light on each side.</summary>
    public const int QuietZone = 4;

    QrCode(int size, IReadOnlyList<(int X, int Y, int Width)> runs) => (Size, Runs) = (size, runs);

    /// <summary>Modules on each side, without the quiet zone.</summary>
    public int Size { get; }

    /// <summary>The dark modules row by row, from the top left; one run for those that touch.</summary>
    public IReadOnlyList<(int X, int Y, int Width)> Runs { get; }

    /// <summary>The dark modules as the path of an SVG image, a unit for each module.</summary>
    public string Path => string.Concat(Runs.Select(run => string.Create(CultureInfo.InvariantCulture, $"M{run.X} {run.Y}h{run.Width}v1h-{run.Width}z")));

    /// <exception cref="QRCoder.Exceptions.DataTooLongException">The text does not fit any code.</exception>
    public static QrCode Of(string text)
    {
        // Readers take bytes without a mark for ASCII; anything else is marked as UTF-8.
        using var data = QRCodeGenerator.GenerateQrCode(
            text, QRCodeGenerator.ECCLevel.M, forceUtf8: true, utf8BOM: false, eciMode: Ascii.IsValid(text) ? QRCodeGenerator.EciMode.Default : QRCodeGenerator.EciMode.Utf8);
        var (rows, size) = (data.ModuleMatrix, data.ModuleMatrix.Count - 2 * QuietZone);
        var runs = new List<(int X, int Y, int Width)>();
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var start = x;
                while (x < size && rows[y + QuietZone][x + QuietZone])
                {
                    x++;
                }

                if (x > start)
                {
                    runs.Add((start, y, x - start));
                }
            }
        }

        return new QrCode(size, runs);
    }
}
