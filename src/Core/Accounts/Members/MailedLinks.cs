namespace ControlPlane.Accounts.Members;

/// <summary>Tells the links that were mailed from invented ones, for limits on their use.</summary>
public sealed class MailedLinks(ControlDatabase database)
{
    /// <returns>The same for each use of a link; null when there is no such link.</returns>
    public async Task<string?> KeyOfAsync(string token, CancellationToken ct) =>
        token.Length > 0 && await database.FindTokenAsync(token, ct) is { } found ? Convert.ToHexString(found.Hash) : null;
}
