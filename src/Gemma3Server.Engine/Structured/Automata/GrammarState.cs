using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Where a text may stand in its grammar: a state of the automaton that is made as it is walked. Equal states are one object.</summary>
/// <remarks>Immutable but for what is remembered of it, which any thread may read at any time; <see cref="GrammarStates"/> writes it.</remarks>
internal sealed class GrammarState
{
    private readonly GrammarStates _states;
    private GrammarState?[]? _next;
    private GrammarState? _horizon;
    private TokenMask? _mask;
    private int[]? _forced;

    public GrammarState(GrammarStates states, StateItem[] items, bool accepts, ByteSet classes)
    {
        _states = states;
        Items = items;
        Accepts = accepts;
        Classes = classes;
    }

    /// <summary>Sorted.</summary>
    public StateItem[] Items { get; }

    /// <summary>Whether the text may end here.</summary>
    public bool Accepts { get; }

    /// <summary>Classes of the bytes that may follow.</summary>
    public ByteSet Classes { get; }

    /// <summary>All states of the grammar.</summary>
    public GrammarStates States => _states;

    /// <summary>The state that <see cref="IsDead"/>.</summary>
    public GrammarState Dead => _states.Dead;

    /// <summary>Whether nothing may follow, not even the end.</summary>
    public bool IsDead => Items.Length == 0 && !Accepts;

    /// <summary>Whether only the end may follow.</summary>
    public bool IsComplete => Items.Length == 0 && Accepts;

    /// <summary>The byte that must follow; <see langword="null"/> when there is a choice, or the text may end.</summary>
    public byte? ForcedByte => !Accepts && Classes.Count == 1 ? _states.Network.OnlyByte(Classes.First) : null;

    /// <summary>The tokens that may follow, if they have been computed.</summary>
    public TokenMask? Mask
    {
        get => Volatile.Read(ref _mask);
        set => Volatile.Write(ref _mask, value);
    }

    /// <summary>Tokens that must follow, if they have been computed; empty = there is a choice.</summary>
    public int[]? Forced
    {
        get => Volatile.Read(ref _forced);
        set => Volatile.Write(ref _forced, value);
    }

    /// <summary>A state before which the same tokens may follow, the same one for all such states as far as that is seen easily.</summary>
    public GrammarState Horizon
    {
        get => Volatile.Read(ref _horizon) ?? _states.FindHorizon(this);
        set => Volatile.Write(ref _horizon, value);
    }

    /// <summary>The state behind a byte, dead when it may not follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GrammarState Step(byte value) => StepClass(_states.ClassOf[value]);

    /// <summary>The state behind a byte of a class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GrammarState StepClass(int byteClass)
    {
        var next = _next; // published by a volatile write, and read again under the lock when it is not there yet
        return next is not null && next[byteClass] is { } known ? known : _states.Compute(this, byteClass);
    }

    /// <summary>Remembers a step; under the lock of the states.</summary>
    public void Remember(int byteClass, GrammarState next)
    {
        var all = _next;
        if (all is null) Volatile.Write(ref _next, all = new GrammarState?[_states.Network.ClassCount]);
        Volatile.Write(ref all[byteClass], next);
    }

    /// <summary>Forgets all that can be computed again, so that states which nobody stands in can be collected.</summary>
    public void Forget()
    {
        Volatile.Write(ref _next, null);
        if (Volatile.Read(ref _horizon) != this) Volatile.Write(ref _horizon, null);
        Mask = null;
    }
}
