# U-Boot's side of an update that falls back: starts the first slot of BOOT_ORDER that
# has tries left, and takes a try from it first. Who starts well gives them back (rauc
# status mark-good); who does not restarts, until its tries are used up. A slot whose
# kernel cannot be read is passed over at once.
#
# U-Boot's own distro boot finds this as boot.scr on the first partition and says where
# it was (devtype, devnum). What RAUC and this script tell each other lies in one sector
# of a partition of its own, so that a power cut leaves the old words or the new ones,
# wherever U-Boot keeps its environment on this board; nothing else is taken from there.
# /etc/fw_env.config says the same to Linux.

setenv BOOT_ORDER "A B"
setenv BOOT_A_LEFT 3
setenv BOOT_B_LEFT 3

setenv keep 'env export -c -s 0x200 ${scriptstate} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; ${devtype} write ${scriptstate} ${state_at} 1'
# The script itself lies at scriptaddr, and is shorter than this.
setexpr scriptstate ${scriptaddr} + 0x10000

if part start ${devtype} ${devnum} boot-state state_at; then
    ${devtype} read ${scriptstate} ${state_at} 1
    env import -c ${scriptstate} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT || echo "watchpost: no note of slots yet"
else
    echo "watchpost: there is no partition boot-state; tries are not counted"
    setenv keep true
fi

# What the firmware says comes first, where it hands over a device tree (Raspberry Pi).
setenv tree ${fdtcontroladdr}
if test -n "${fdt_addr}" && fdt addr ${fdt_addr}; then
    setenv tree ${fdt_addr}
fi
fdt addr ${tree}
setenv given
fdt get value given /chosen bootargs

# Comes back only when the slot cannot be started.
setenv start_slot 'echo "watchpost: slot ${slot}, order ${BOOT_ORDER}, tries left: A ${BOOT_A_LEFT}, B ${BOOT_B_LEFT}"; setenv bootargs "${given} root=PARTLABEL=${name} rootwait ro panic=10 rauc.slot=${slot}"; run load_slot && booti ${kernel_addr_r} ${initramfs} ${slot_tree}; echo "watchpost: slot ${slot} cannot be started"'
setenv load_slot 'part number ${devtype} ${devnum} ${name} number && load ${devtype} ${devnum}:${number} ${kernel_addr_r} boot/Image && run load_initramfs load_tree'
setenv load_initramfs 'setenv initramfs -; if test -e ${devtype} ${devnum}:${number} boot/initramfs; then load ${devtype} ${devnum}:${number} ${ramdisk_addr_r} boot/initramfs; setenv initramfs ${ramdisk_addr_r}:${filesize}; fi; true'
# The slot's own device tree, where it brings one for this board.
setenv load_tree 'setenv slot_tree ${tree}; if test -n "${fdtfile}" && test -e ${devtype} ${devnum}:${number} boot/${fdtfile}; then load ${devtype} ${devnum}:${number} ${fdt_addr_r} boot/${fdtfile}; setenv slot_tree ${fdt_addr_r}; fi; true'

for candidate in ${BOOT_ORDER}; do
    setenv slot
    if test "${candidate}" = A && test ${BOOT_A_LEFT} -gt 0; then
        setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
        setenv slot A
        setenv name root-a
    fi
    if test "${candidate}" = B && test ${BOOT_B_LEFT} -gt 0; then
        setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
        setenv slot B
        setenv name root-b
    fi
    if test -n "${slot}"; then
        run keep
        run start_slot
    fi
done

# A box restarts for as long as it is powered: from the beginning, with new tries.
echo "watchpost: no slot can be started; trying all of them again"
setenv BOOT_ORDER "A B"
setenv BOOT_A_LEFT 3
setenv BOOT_B_LEFT 3
run keep
sleep 10
reset
