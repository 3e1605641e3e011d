using System.Runtime.CompilerServices;

namespace ControlPlane.Tests.Platform;

public class RetentionPolicyTests
{
    [Fact]
    public void Classes_that_are_not_named_keep_their_default()
    {
        var policy = RetentionPolicy.Parse(" mail=14d, usage=730d ");

        Assert.Equal(TimeSpan.FromDays(14), policy[RetentionClasses.Mail]);
        Assert.Equal(TimeSpan.FromDays(730), policy[RetentionClasses.Usage]);
        Assert.Equal(TimeSpan.FromDays(30), policy[RetentionClasses.Webhooks]);
        Assert.All(RetentionClasses.All, data => Assert.Equal(TimeSpan.FromDays(data.DefaultDays), RetentionPolicy.Default[data]));
    }

    [Theory]
    [InlineData("mail", "not a class with its days")]
    [InlineData("mail=30", "enter days from 3d to 36500d")]
    [InlineData("mail=2d", "enter days from 3d")]
    [InlineData("mail=1month", "enter days from 3d")]
    [InlineData("mail=-5d", "enter days from 3d")]
    [InlineData("mail=99999999999d", "enter days from 3d")]
    [InlineData("usage=30d", "usage is \"30d\": enter days from 180d")]
    [InlineData("mail=30d,mail=31d", "twice")]
    [InlineData("invoices=3650d", "always kept")]
    [InlineData("audit=365d", "always kept")]
    [InlineData("bookings=365d", "The classes are signups, links")]
    public void An_error_says_what_to_enter_instead(string text, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => RetentionPolicy.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_handbook_lists_every_class_with_its_days()
    {
        var handbook = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/operations.md"));
        Assert.All(RetentionClasses.All, data => Assert.Contains(
            $"| `{data.Name}` | {data.DefaultDays}d | {data.MinimumDays}d | {data.Description} |", handbook, StringComparison.Ordinal));
    }

    static string Here([CallerFilePath] string file = "") => file;

    [Fact]
    public void Every_class_has_a_default_that_may_be_set() => Assert.All(RetentionClasses.All, data =>
    {
        Assert.True(data.DefaultDays >= data.MinimumDays, data.Name);
        Assert.Equal(TimeSpan.FromDays(data.MinimumDays), RetentionPolicy.Parse($"{data.Name}={data.MinimumDays}d")[data]);
    });
}
