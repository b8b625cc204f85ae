/* Embeds the compiled BPF objects; the assembler finds them by -I<build folder>. */
    .section .rodata
    .balign 8
    .global topoprobe_tracker_object
topoprobe_tracker_object:
    .incbin "tracker.bpf.o"
    .global topoprobe_tracker_object_end
topoprobe_tracker_object_end:
    .balign 8
    .global topoprobe_features_object
topoprobe_features_object:
    .incbin "features.bpf.o"
    .global topoprobe_features_object_end
topoprobe_features_object_end:
    .section .note.GNU-stack,"",@progbits
