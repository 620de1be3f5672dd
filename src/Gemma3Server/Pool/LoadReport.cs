namespace Gemma3Server.Pool;

/// <summary>What a load tells of itself. Written by the loading thread, read by any.</summary>
internal sealed class LoadReport
{
    private readonly Lock _gate = new();
    private MemorySize _taken;
    private double _progress;
    private int _hostLayers;

    /// <summary>The share of the weights that has been read.</summary>
    public double Progress
    {
        get => Volatile.Read(ref _progress);
        set => Volatile.Write(ref _progress, value);
    }

    /// <summary>Layers that are on the host since no GPU has room for them.</summary>
    public int HostLayers
    {
        get => Volatile.Read(ref _hostLayers);
        set => Volatile.Write(ref _hostLayers, value);
    }

    /// <summary>What it takes, as far as it is loaded.</summary>
    public MemorySize Taken
    {
        get
        {
            lock (_gate) return _taken;
        }
    }

    /// <summary>Adds what a loaded model takes.</summary>
    public void Add(MemorySize size)
    {
        lock (_gate) _taken += size;
    }
}
