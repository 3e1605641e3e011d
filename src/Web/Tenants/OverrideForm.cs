namespace ControlPlane.Web.Tenants;

/// <summary>Limit overrides as entered by an operator.</summary>
public sealed record OverrideForm(
    string? TokensPerDay, string? TokensPerMonth, string? RagFiles, string? WebSearchesPerMonth, string? ImagesPerMonth, string? StorageGib, string? Reason)
{
    public static OverrideForm Of(LimitOverride? limits) => new(
        LimitForm.Text(limits?.TokensPerDay), LimitForm.Text(limits?.TokensPerMonth), LimitForm.Text(limits?.RagFiles),
        LimitForm.Text(limits?.WebSearchesPerMonth), LimitForm.Text(limits?.ImagesPerMonth), LimitForm.Text(limits?.StorageGib), limits?.Reason);

    public LimitOverride ToOverride() => new(
        LimitForm.Number(TokensPerDay), LimitForm.Number(TokensPerMonth), LimitForm.Number(RagFiles), LimitForm.Number(WebSearchesPerMonth),
        LimitForm.Number(ImagesPerMonth), LimitForm.Number(StorageGib), Reason);
}
