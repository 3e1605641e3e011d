using ControlPlane.Platform.Jobs;

namespace ControlPlane.Infra.Tests;

public sealed class AwsCronTests
{
    [Theory]
    [InlineData("* * * * *", "cron(* * * * ? *)")]
    [InlineData("0 * * * *", "cron(0 * * * ? *)")]
    [InlineData("10 0 * * *", "cron(10 0 * * ? *)")]
    [InlineData("*/20 * * * *", "cron(0,20,40 * * * ? *)")]
    [InlineData("5/20 8-10 * * *", "cron(5,25,45 8,9,10 * * ? *)")]
    [InlineData("0 3 1 */4 *", "cron(0 3 1 1,5,9 ? *)")]
    [InlineData("0 9 * * 1-5", "cron(0 9 ? * MON,TUE,WED,THU,FRI *)")]
    [InlineData("0 9 * * 0", "cron(0 9 ? * SUN *)")]
    [InlineData("0 9 * * 7", "cron(0 9 ? * SUN *)")]
    [InlineData("0 9 * * 6,0", "cron(0 9 ? * SUN,SAT *)")]
    [InlineData("30 1,13 28-31 * *", "cron(30 1,13 28,29,30,31 * ? *)")]
    public void Five_fields_are_converted_to_six(string cron, string aws) => Assert.Equal(aws, AwsCron.From(cron));

    [Theory]
    [InlineData("* * * *", "has 4 fields")]
    [InlineData("0 0 1 * 1", "AWS supports only one of them")]
    [InlineData("60 * * * *", "\"60\"")]
    [InlineData("a * * * *", "\"a\"")]
    [InlineData("9-3 * * * *", "\"9-3\"")]
    [InlineData("1/2/3 * * * *", "\"1/2/3\"")]
    [InlineData("0 0 0 * *", "not a number from 1 to 31")]
    public void Unsupported_expressions_are_rejected(string cron, string reason) => Assert.Contains(reason, Assert.Throws<ArgumentException>(() => AwsCron.From(cron)).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_job_can_be_scheduled() => Assert.All(JobSchedules.All, job => Assert.StartsWith("cron(", AwsCron.From(job.Cron), StringComparison.Ordinal));
}
