using System.Globalization;

namespace ControlPlane.Web.Signup;

/// <summary>Display texts for a plan's price and limits.</summary>
static class PlanTexts
{
    public static string Price(Plan plan) => plan switch
    {
        { PriceEurPerMonth: null } => "By agreement",
        { TrialDays: { } days } => $"Free for {days} days",
        { PriceEurPerMonth: var price } => string.Create(CultureInfo.InvariantCulture, $"€{price:0.00} per month"),
    };

    /// <param name="installation">What this installation can provide of what plans include.</param>
    public static IEnumerable<string> Limits(Plan plan, DataPlaneOptions installation)
    {
        yield return plan.TokensPerMonth switch
        {
            null => "Unlimited tokens",
            { } tokens when plan.MonthIsHard => $"{Number(tokens)} tokens in total",
            { } tokens => $"{Number(tokens)} tokens included per month",
        };
        if (plan.TokensPerDay is { } day)
        {
            yield return $"Up to {Number(day)} tokens per day";
        }

        if (plan.OverageEurPerThousand is { } overage)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"€{overage:0.00####} per 1,000 additional tokens");
        }

        yield return plan.AllModels ? "All models, including your own" : $"Models: {string.Join(", ", plan.Offered)}";
        yield return Amount(plan.RagFiles, "document for retrieval", "documents for retrieval", "");
        yield return plan.WebSearchesPerMonth == 0 || installation.SellsWebSearch(plan) ? Amount(plan.WebSearchesPerMonth, "web search", "web searches", " per month") : "Web searches are not available yet";
        yield return plan.ImagesPerMonth == 0 || installation.SellsImages(plan) ? Amount(plan.ImagesPerMonth, "generated image", "generated images", " per month") : "Generated images are not available yet";
        yield return plan.ApiAccess ? "API for your own applications" : "No API for your own applications";
        if (plan.RequestsPerMinute is { } requests)
        {
            yield return $"Up to {Number(requests)} requests per minute";
        }

        if (plan.TokensPerMinute is { } perMinute)
        {
            yield return $"Up to {Number(perMinute)} tokens per minute";
        }

        yield return $"{Number(plan.StorageGib)} GiB of storage";
        yield return $"Support: {plan.Support}";
        yield return $"Runs on {plan.Compute}";
    }

    static string Amount(int? count, string one, string many, string per) => count switch
    {
        null => $"Unlimited {many}",
        0 => $"No {many}",
        1 => $"1 {one}{per}",
        _ => $"{Number(count.Value)} {many}{per}",
    };

    static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
