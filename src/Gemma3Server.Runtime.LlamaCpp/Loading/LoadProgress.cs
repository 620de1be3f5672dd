using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>Listens to the library while it loads weights: it logs every tenth of the way, tells every step, and stops the load when that was cancelled.</summary>
/// <remarks>The library calls it on the loading thread; it must outlive the load.</remarks>
internal sealed unsafe class LoadProgress : IDisposable
{
    private const int StepPercent = 10;

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly Action<double>? _tell;
    private readonly CancellationToken _cancellationToken;
    private GCHandle _self;
    private int _nextPercent = StepPercent;

    public LoadProgress(string path, ILogger logger, Action<double>? tell, CancellationToken cancellationToken)
    {
        (_path, _logger, _tell, _cancellationToken) = (path, logger, tell, cancellationToken);
        _self = GCHandle.Alloc(this);
    }

    /// <summary>Makes a load with these parameters tell its progress here.</summary>
    public void Attach(ref LlamaModelParams parameters)
    {
        parameters.ProgressCallback = (nint)(delegate* unmanaged<float, void*, byte>)&OnProgress;
        parameters.ProgressCallbackData = GCHandle.ToIntPtr(_self);
    }

    public void Dispose() => _self.Free();

    [UnmanagedCallersOnly]
    private static byte OnProgress(float share, void* data)
    {
        try
        {
            return ((LoadProgress)GCHandle.FromIntPtr((nint)data).Target!).Continue(share) ? (byte)1 : (byte)0;
        }
        catch (Exception)
        {
            return 1; // an exception must not unwind into native frames
        }
    }

    private bool Continue(float share)
    {
        _tell?.Invoke(share);
        var percent = (int)(share * 100);
        if (percent >= _nextPercent)
        {
            _nextPercent = percent - percent % StepPercent + StepPercent;
            LogMessages.Loading(_logger, _path, percent - percent % StepPercent);
        }

        return !_cancellationToken.IsCancellationRequested;
    }
}
