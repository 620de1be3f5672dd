using System.Net.Sockets;
using Gemma3Server.Pool;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Gemma3Server.Hosting;

/// <summary>One run of the server, from settings to exit code.</summary>
/// <remarks>
/// 1. Read and check all settings; report every fault, one line each.
/// 2. Check that the files of all configured models are there, before anything is started.
/// 3. Listen, while the model loads in the background.
/// 4. Run until stopped; the exit code says whether that was asked for.
/// </remarks>
internal static partial class ServerRun
{
    public static async Task<int> RunAsync(
        IConfiguration configuration, TextWriter error, Action<IServiceCollection>? customize = null,
        CancellationToken cancellationToken = default)
    {
        // 1. Settings.
        var (options, faults) = SettingsReader.Read(configuration);
        if (faults.Count > 0)
        {
            foreach (var fault in faults) await error.WriteLineAsync(fault);
            return ExitCode.WrongUsage;
        }

        // 2. Model files.
        options = EmbeddedModel.OrConfigured(NamedModel.Locate(options, out var unnamed), out var isEmbedded);
        if ((unnamed ?? FindModelFault(options.Model)) is { } missing)
        {
            await error.WriteLineAsync(missing);
            return ExitCode.CannotRun;
        }

        var unknown = ModelDirectory.FindFaults(options).ToList();
        if (unknown.Count == 0) unknown = [.. new ModelDirectory(options, TimeProvider.System).FindNameFaults()];
        if (unknown.Count > 0)
        {
            foreach (var fault in unknown) await error.WriteLineAsync(fault);
            return ExitCode.CannotRun;
        }

        WebApplication app;
        try
        {
            app = ServerHost.Build(options, configuration, customize);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or FormatException)
        {
            // The logger's settings are Serilog's own and are checked by it.
            await error.WriteLineAsync($"The settings are not usable: {exception.Message}");
            return ExitCode.WrongUsage;
        }

        await using (app)
        {
            // 3. Listen.
            try
            {
                await app.StartAsync(cancellationToken);
            }
            catch (Exception exception) when (exception is IOException or SocketException or AddressInUseException)
            {
                await error.WriteLineAsync($"Cannot listen on {options.Http.Host} port {options.Http.Port}: {Reason(exception)} "
                    + "Choose another one with --host and --port.");
                return ExitCode.CannotRun;
            }

            LogListening(app.Logger, string.Join(", ", Addresses(app)), options.Model.Path!);
            if (isEmbedded) LogEmbedded(app.Logger, EmbeddedModel.Notice);

            // 4. Run.
            await app.WaitForShutdownAsync(cancellationToken);
            return app.Services.GetRequiredService<ExitCode>().Value;
        }
    }

    private static IEnumerable<string> Addresses(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];

    private static string Reason(Exception exception) => exception.GetBaseException() is SocketException { SocketErrorCode: var code }
        ? code switch
        {
            SocketError.AddressAlreadyInUse => "the port is in use.",
            SocketError.AccessDenied => "permission denied.",
            SocketError.AddressNotAvailable => "this machine does not have the address.",
            _ => $"{code}.",
        }
        : exception.Message;

    /// <summary>Why there is no file of the model, or of its draft model where one is given, and what to do; null when there is.</summary>
    internal static string? FindModelFault(ModelSettings model)
    {
        const string Draft = "Give a smaller Gemma 3 with --draft, a GGUF file or a name after gemma3server pull NAME, or leave it out.";
        return FindModelFault(model.Path)
            ?? (string.IsNullOrWhiteSpace(model.DraftPath) ? null : FindFault("draft model", "DraftPath", model.DraftPath, Draft));
    }

    /// <summary>Why there is no model file at <paramref name="path"/>, and what to do; null when there is one.</summary>
    internal static string? FindModelFault(string? path) => FindFault("model", "Path", path, EmbeddedModel.Advice);

    private static string? FindFault(string what, string setting, string? path, string advice)
    {
        if (string.IsNullOrWhiteSpace(path)) return $"No {what} is given (Gemma3:Model:{setting}). {advice}";
        if (Directory.Exists(path)) return $"The {what} '{path}' (Gemma3:Model:{setting}) is a directory. {advice}";
        return File.Exists(path) ? null : $"The {what} file '{path}' (Gemma3:Model:{setting}) does not exist. {advice}";
    }

    [LoggerMessage(LogLevel.Information, "Listening on {Addresses}; loading {Model}")]
    private static partial void LogListening(ILogger logger, string addresses, string model);

    [LoggerMessage(LogLevel.Warning, "{Notice}.")]
    private static partial void LogEmbedded(ILogger logger, string notice);
}
