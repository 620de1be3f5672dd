using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Gemma3Server.Engine.Structured.Tools;
using Gemma3Server.Pool;

namespace Gemma3Server.Hosting;

/// <summary>A model that can be asked for: how it is called in the API, and how it is loaded.</summary>
/// <param name="Id">What requests put into <c>model</c>.</param>
/// <param name="Created">When the server began to serve it; Unix time in seconds.</param>
/// <param name="Fingerprint">Changes when the file or the server's version does.</param>
/// <param name="Options">The settings it is loaded and run with; its path is that of the file.</param>
internal sealed record ServedModel(string Id, long Created, string Fingerprint, Gemma3ServerOptions Options)
{
    /// <summary>The server's version.</summary>
    public static string Version { get; } =
        typeof(ServedModel).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>How it writes calls of tools.</summary>
    public ToolCallForm ToolForm => Options.Model.ToolFormat == "pythonic" ? ToolCallForm.Pythonic : ToolCallForm.Json;

    /// <summary>How long it stays after its last request.</summary>
    public KeepAlive KeepAlive => KeepAlive.TryParse(Options.Models.KeepAlive, out var time) ? time : KeepAlive.Forever;

    /// <summary>Whether it stays loaded whatever happens.</summary>
    public bool IsPinned { get; init; }

    /// <summary>Most requests that wait for it to be loaded: as many as then run or wait at once.</summary>
    public int MostWaiting => Options.Engine.QueueLimit + Math.Max(1, Options.Runtime.Parallel);

    /// <summary>Further names.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <param name="options">The settings it is loaded with.</param>
    /// <param name="timeProvider">Clock.</param>
    public static ServedModel Of(Gemma3ServerOptions options, TimeProvider timeProvider)
    {
        var settings = options.Model;
        var id = string.IsNullOrWhiteSpace(settings.Id) ? Path.GetFileNameWithoutExtension(settings.Path) ?? "model" : settings.Id;
        var file = new FileInfo(settings.Path ?? id);
        var identity = string.Create(CultureInfo.InvariantCulture, $"{Version}|{file.Name}|{(file.Exists ? file.Length : 0)}");
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)).AsSpan(0, 5));
        return new(id, timeProvider.GetUtcNow().ToUnixTimeSeconds(), $"fp_{hash}", options);
    }
}
