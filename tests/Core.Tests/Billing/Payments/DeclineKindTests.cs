namespace ControlPlane.Tests.Billing.Payments;

public class DeclineKindTests
{
    [Theory]
    [InlineData("insufficient_funds", null, DeclineKind.Retry)]
    [InlineData("generic_decline", null, DeclineKind.Retry)]
    [InlineData("tomorrow_invented", null, DeclineKind.Retry)]
    [InlineData("insufficient_funds", "try_again_later", DeclineKind.Retry)]
    [InlineData("insufficient_funds", "do_not_try_again", DeclineKind.Hard)]
    [InlineData("generic_decline", "confirm_card_data", DeclineKind.Customer)]
    [InlineData("authentication_required", null, DeclineKind.Customer)]
    [InlineData("expired_card", null, DeclineKind.Customer)]
    [InlineData(Decline.NoMethod, null, DeclineKind.Customer)]
    [InlineData("lost_card", null, DeclineKind.Hard)]
    [InlineData("stolen_card", null, DeclineKind.Hard)]
    [InlineData("pickup_card", null, DeclineKind.Hard)]
    [InlineData("incorrect_number", null, DeclineKind.Hard)]
    [InlineData("revocation_of_authorization", null, DeclineKind.Hard)]
    [InlineData("lost_card", "try_again_later", DeclineKind.Hard)]
    public void The_reason_says_what_can_help(string code, string? advice, DeclineKind kind) => Assert.Equal(kind, DeclineKinds.Of(code, advice));
}
