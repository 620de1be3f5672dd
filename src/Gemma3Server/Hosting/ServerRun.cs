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
        if ((unnamed ?? FindModelFault(options.Model.Path) ?? FindDraftFault(options.Model.DraftPath)) is { } missing)
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

    private static string? FindDraftFault(string? path) => string.IsNullOrWhiteSpace(path) || File.Exists(path)
        ? null
        : $"The draft model file '{path}' (Gemma3:Model:DraftPath) does not exist. Give the GGUF file of a smaller Gemma 3 with --draft FILE, or leave it out.";

    /// <summary>Why there is no model file at <paramref name="path"/>, and what to do; null when there is one.</summary>
    internal static string? FindModelFault(string? path)
    {
        if (string.IsNullOrWhiteSpace(path)) return $"No model is given (Gemma3:Model:Path). {EmbeddedModel.Advice}";
        if (Directory.Exists(path)) return $"The model '{path}' (Gemma3:Model:Path) is a directory. {EmbeddedModel.Advice}";
        return File.Exists(path) ? null : $"The model file '{path}' (Gemma3:Model:Path) does not exist. {EmbeddedModel.Advice}";
    }

    [LoggerMessage(LogLevel.Information, "Listening on {Addresses}; loading {Model}")]
    private static partial void LogListening(ILogger logger, string addresses, string model);

    [LoggerMessage(LogLevel.Warning, "{Notice}.")]
    private static partial void LogEmbedded(ILogger logger, string notice);
}
