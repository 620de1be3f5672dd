using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Hosting;

/// <summary>How the model is called in the API; known before it is loaded.</summary>
/// <param name="Id">What requests put into <c>model</c>.</param>
/// <param name="Created">When the server began to serve it; Unix time in seconds.</param>
/// <param name="Fingerprint">Changes when the file or the server's version does.</param>
internal sealed record ServedModel(string Id, long Created, string Fingerprint)
{
    /// <summary>How it writes calls of tools.</summary>
    public ToolCallForm ToolForm { get; init; }

    /// <summary>The server's version.</summary>
    public static string Version { get; } =
        typeof(ServedModel).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Why a request for the model of this name cannot be served; null when it can. One model is served: a request by hand need not name it.</summary>
    public OpenAiError? Check(string? model) => model is null || model == Id ? null : OpenAiError.ModelNotFound(model, Id);

    public static ServedModel Of(ModelSettings settings, TimeProvider timeProvider)
    {
        var id = string.IsNullOrWhiteSpace(settings.Id) ? Path.GetFileNameWithoutExtension(settings.Path) ?? "model" : settings.Id;
        var file = new FileInfo(settings.Path ?? id);
        var identity = string.Create(CultureInfo.InvariantCulture, $"{Version}|{file.Name}|{(file.Exists ? file.Length : 0)}");
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)).AsSpan(0, 5));
        return new(id, timeProvider.GetUtcNow().ToUnixTimeSeconds(), $"fp_{hash}")
        {
            ToolForm = settings.ToolFormat == "pythonic" ? ToolCallForm.Pythonic : ToolCallForm.Json,
        };
    }
}
