using System.IO.Compression;
using ControlPlane.Demo;

namespace ControlPlane.Tests.Demo;

[Trait("Category", "Quick")]
public class TraceFileTests
{
    const string Trace = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109";

    [Fact]
    public void The_last_row_needs_no_line_break()
    {
        var calls = TraceFile.Read(new StringReader(Trace), "trace.csv");

        Assert.Equal(
            [
                new TraceCall(new DateTimeOffset(2023, 11, 16, 18, 15, 46, TimeSpan.Zero).AddTicks(6_805_900), 374, 44),
                new TraceCall(new DateTimeOffset(2023, 11, 16, 18, 15, 50, TimeSpan.Zero).AddTicks(9_951_690), 396, 109),
            ],
            calls);
    }

    [Fact]
    public void Several_plain_or_gzipped_files_are_merged_in_order_of_arrival()
    {
        var folder = Directory.CreateTempSubdirectory("traces");
        var later = new FileInfo(Path.Combine(folder.FullName, "later.csv.gz"));
        var earlier = new FileInfo(Path.Combine(folder.FullName, "earlier.csv"));
        using (var gzip = new StreamWriter(new GZipStream(later.Create(), CompressionLevel.Fastest)))
        {
            gzip.Write(Trace);
        }

        File.WriteAllText(earlier.FullName, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:48,1,2\n");

        Assert.Equal([374, 1, 396], TraceFile.ReadAll([later, earlier]).Select(call => call.PromptTokens));
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n")]
    [InlineData("TIMESTAMP,ContextTokens\n2023-11-16 18:15:46,1\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,-1,2\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,many\n")]
    public void An_invalid_trace_is_rejected_by_name(string text)
    {
        var refusal = Assert.Throws<CommandFailedException>(() => TraceFile.Read(new StringReader(text), "trace.csv"));

        Assert.Contains("trace.csv", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_error_names_a_missing_file() =>
        Assert.Contains("nowhere.csv", Assert.Throws<CommandFailedException>(() => TraceFile.ReadAll([new FileInfo("nowhere.csv")])).Message, StringComparison.Ordinal);
}
