namespace ControlPlane.Tests.Billing.Payments;

public class RetryScheduleTests
{
    /// <summary>Nine hours after a period ended.</summary>
    static readonly DateTimeOffset First = new(2026, 4, 1, 9, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_payment_is_tried_three_times_within_the_grace()
    {
        Assert.Equal(First.AddHours(24), RetrySchedule.Next(First, First));
        Assert.Equal(First.AddHours(48), RetrySchedule.Next(First, First.AddHours(24)));
        Assert.Null(RetrySchedule.Next(First, First.AddHours(48)));
    }

    [Fact]
    public void A_later_try_of_the_customer_does_not_extend_the_schedule() => Assert.Null(RetrySchedule.Next(First, First.AddDays(20)));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(6, 32)]
    [InlineData(7, 60)]
    [InlineData(500, 60)]
    public void A_provider_that_is_unavailable_is_called_less_and_less_often(int inARow, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), RetrySchedule.AfterOutage(inARow, retryAfter: null));

    [Theory]
    [InlineData(5, 5)]
    [InlineData(7200, 3600)]
    public void A_provider_may_say_when(int asked, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RetrySchedule.AfterOutage(1, TimeSpan.FromSeconds(asked)));
}
