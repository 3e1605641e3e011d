using System.Globalization;

namespace ControlPlane.Web.Signup;

/// <summary>A plan's price and limits in words, the same on every page.</summary>
static class PlanTexts
{
    public static string Price(Plan plan) => plan switch
    {
        { PriceEurPerMonth: null } => "By agreement",
        { TrialDays: { } days } => $"Free for {days} days",
        { PriceEurPerMonth: var price } => string.Create(CultureInfo.InvariantCulture, $"€{price:0.00} a month"),
    };

    public static IEnumerable<string> Limits(Plan plan)
    {
        yield return plan.TokensPerMonth switch
        {
            null => "Tokens without limit",
            { } tokens when plan.MonthIsHard => $"{Number(tokens)} tokens in all",
            { } tokens => $"{Number(tokens)} tokens a month included",
        };
        if (plan.TokensPerDay is { } day)
        {
            yield return $"At most {Number(day)} tokens a day";
        }

        if (plan.OverageEurPerThousand is { } overage)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"€{overage:0.00####} per further 1,000 tokens");
        }

        yield return plan.AllModels ? "Every model, and your own weights" : $"Models: {string.Join(", ", plan.Models)}";
        yield return Amount(plan.RagFiles, "document for retrieval", "documents for retrieval", "");
        yield return Amount(plan.WebSearchesPerMonth, "web search", "web searches", " a month");
        yield return Amount(plan.ImagesPerMonth, "generated image", "generated images", " a month");
        yield return $"Support: {plan.Support}";
        yield return $"Runs on {plan.Compute}";
    }

    static string Amount(int? count, string one, string many, string per) => count switch
    {
        null => $"{char.ToUpperInvariant(many[0])}{many[1..]} without limit",
        0 => $"No {many}",
        1 => $"1 {one}{per}",
        _ => $"{Number(count.Value)} {many}{per}",
    };

    static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
