using Microsoft.Playwright;

namespace ControlPlane.Tests.Support;

/// <summary>A browser window and the actions of its user. Console errors and warnings are recorded.</summary>
public sealed class Window : IAsyncDisposable
{
    readonly IBrowserContext _context;
    readonly List<string> _consoleErrors = [];

    public Window(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.PageError += (_, error) => _consoleErrors.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                _consoleErrors.Add($"{page.Url}: {message.Text}");
            }
        };
    }

    public IPage Page { get; }

    /// <summary>Script errors, violations of the content security policy, resources that did not load.</summary>
    public IReadOnlyList<string> ConsoleErrors => _consoleErrors;

    public Task<string> Text() => Page.Locator("body").InnerTextAsync();

    public async Task GoAsync(string path)
    {
        var response = await Page.GotoAsync(path);
        Assert.True(response!.Ok, $"{path} returned {response.Status}");
    }

    /// <summary>Clicks the one visible button with this name.</summary>
    public Task PressAsync(string button) =>
        Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = button, Exact = true }).ClickAsync();

    public Task SetCookieAsync(string name, string value, Uri site) =>
        _context.AddCookiesAsync([new Cookie { Name = name, Value = value, Url = site.ToString(), HttpOnly = true }]);

    /// <summary>Saves a screenshot of the whole page in artifacts/screenshots.</summary>
    public Task ScreenshotAsync(string name) =>
        Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Artifacts(), $"{name}.png"), FullPage = true });

    /// <returns>Horizontal overflow of the page in pixels; 0 when it fits.</returns>
    public Task<int> HorizontalOverflowAsync() => Page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

    /// <summary>Texts whose contrast with their background is below WCAG 2.2 AA: 4.5, or 3 for large text.</summary>
    public Task<string[]> LowContrastTextsAsync() => Page.EvaluateAsync<string[]>(LowContrastTexts);

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    static string Artifacts()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "ControlPlane.sln")))
        {
            root = root.Parent;
        }

        return Directory.CreateDirectory(Path.Combine(root?.FullName ?? AppContext.BaseDirectory, "artifacts", "screenshots")).FullName;
    }

    // A canvas parses every colour notation. Backgrounds in our stylesheet are either opaque or absent.
    const string LowContrastTexts = """
        () => {
            const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
            const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
            const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
            const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
            const faint = [];
            for (const e of document.querySelectorAll('body *')) {
                const own = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join(' ').trim();
                if (!own || !e.checkVisibility({ visibilityProperty: true }) || e.closest('svg, option, .unseen, :disabled')) continue;
                const style = getComputedStyle(e), size = parseFloat(style.fontSize);
                const [a, b] = [luminance(rgba(style.color)), luminance(behind(e))].sort((x, y) => y - x);
                const contrast = (a + 0.05) / (b + 0.05);
                if (contrast < (size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)}: ${own.slice(0, 60)}`);
            }
            return faint;
        }
        """;
}
